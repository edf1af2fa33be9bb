"""Names of chunks, parts of speech and relations, which tell their columns from others."""

from __future__ import annotations

_CHUNKS = (
    "NP VP PP ADJP ADVP SBAR PRT CONJP INTJ LST UCP NC VC PC AC CC VN AP AdP COORD Srel Ssub Sint"
    " SN SV SP SA SX"
)
CHUNKS = frozenset(_CHUNKS.split())
"""Labels of chunks: those of CoNLL-2000 and CoNLL-2003, of the French treebank, of AnCora."""

_UNIVERSAL = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X CONJ"
_PENN = (
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH"
    " VB VBD VBG VBN VBP VBZ WDT WP WP$ WRB # $ '' `` ( ) , . : HYPH NFP ADD AFX XX -LRB- -RRB- \" "
    " NN|SYM USR URL RT HT"
)
_STUTTGART = (
    "ADJA ADJD ADV APPR APPRART APPO APZR ART CARD FM ITJ KOUI KOUS KON KOKOM NN NE PDS PDAT PIS"
    " PIAT PIDAT PPER PPOSS PPOSAT PRELS PRELAT PRF PWS PWAT PWAV PAV PROAV PTKZU PTKNEG PTKVZ"
    " PTKANT PTKA SGML SPELL TRUNC VVFIN VVIMP VVINF VVIZU VVPP VAFIN VAIMP VAINF VAPP VMFIN VMINF"
    " VMPP XY $. $, $("
)
_DUTCH = "N V Punc Art Adj Adv Prep Pron Conj Num Misc Int"  # of CoNLL-2002
PARTS_OF_SPEECH = frozenset(f"{_UNIVERSAL} {_PENN} {_STUTTGART} {_DUTCH}".split())
"""Parts of speech: Universal Dependencies, Penn, STTS, and those of CoNLL-2002 in Dutch."""

_RELATIONS = (
    "acl advcl advmod amod appos aux auxpass case cc ccomp clf compound conj cop csubj csubjpass"
    " dep det discourse dislocated dobj expl fixed flat foreign goeswith iobj list mark mwe name"
    " neg nmod nsubj nsubjpass nummod obj obl orphan parataxis pobj prep prt punct reparandum root"
    " ROOT remnant vocative xcomp"
)
RELATIONS = frozenset(_RELATIONS.split())
"""Syntactic relations of Universal Dependencies, without subtypes."""
