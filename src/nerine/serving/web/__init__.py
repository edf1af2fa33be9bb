"""A checkpoint in the browser: a folder that tags without a server.

============  ================================================================
module        content
============  ================================================================
`exporting`   a checkpoint → the folder
`characters`  the classes of characters of the word rules
`subwords`    a tokenizer as its JavaScript needs it, or why it is refused
`browser/`    the folder's own JavaScript and page
============  ================================================================
"""
