"""The result of a search: the recipe and the report.

OUT/recipe.toml    the settings that `nerine train --settings` takes
OUT/report.md      finalists, importance of the settings, trials
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from nerine.core.display import counted, escaped, markdown_table
from nerine.core.files import write_text
from nerine.training.settings import TrainingSettings
from nerine.training.tuning.deciding import Decision
from nerine.training.tuning.space import Space
from nerine.training.tuning.study import Trial

RECIPE_FILE = "recipe.toml"
REPORT_FILE = "report.md"

_LEAST_FOR_IMPORTANCE = 8
_GOOD_TRIALS = 5
_BAR = 40

_SCORES = "All scores are strict F1 on the validation split; the test split was not read."
_FINALISTS = (
    "Finalists were chosen by their F1 with the first seed, which is therefore too high on "
    "average; the mean of the other seeds decides. ± is the standard deviation over all seeds of "
    "the row."
)
_NO_IMPORTANCE = f"Fewer than {_LEAST_FOR_IMPORTANCE} trials were completed, too few to tell."
_PRUNED = "The F1 of a pruned trial is that of its last validation."


@dataclass(frozen=True)
class Tuning:
    """The result of `tune`.

    Attributes:
        folder: The folder with the study, the recipe and the report.
        source: The source of the corpus.
        space: The settings that were tuned, and the default ones.
        budget: The budget in words.
        spent: The number of runs and their seconds.
        trials: All trials, in order; the first one has the default settings.
        decision: The finalists, and the decision between them.
        importance: The share of each tuned setting in the differences between the best trials and
            all; empty if there are too few trials.
        notes: Notes for the user.
    """

    folder: Path
    source: str
    space: Space
    budget: str
    spent: tuple[int, float]
    trials: tuple[Trial, ...]
    decision: Decision
    importance: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> TrainingSettings:
        """The settings of the recipe."""
        return self.decision.winner.settings

    def recipe(self) -> str:
        """The recipe as TOML: the settings that differ from those of `TrainingSettings()`.

        A precision that was planned is left out: it depends on the device.
        """
        chosen = replace(self.settings, precision=self.space.base.precision)
        if self.decision.winner is self.decision.default:
            chosen = self.space.base
        usual = {**TrainingSettings().to_dict(), "seed": chosen.seed}
        same = {name for name, value in chosen.to_dict().items() if value == usual[name]}
        lines = [
            line for line in chosen.to_toml().splitlines() if line.partition(" ")[0] not in same
        ]
        comment = f"{self.decision.statement()}\nnerine tune {json.dumps(self.source)}"
        return "".join(f"{line}\n" for line in [*(f"# {x}" for x in comment.split("\n")), *lines])

    def best_so_far(self) -> list[float]:
        """The highest F1 of a completed trial, after each trial."""
        best, curve = 0.0, []
        for trial in self.trials:
            best = max(best, trial.f1 or 0.0) if trial.ending == "completed" else best
            curve.append(best)
        return curve

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON; all scores are of the validation split."""
        decision = self.decision
        runs, seconds = self.spent
        return {
            "source": self.source,
            "budget": self.budget,
            "runs": runs,
            "seconds": round(seconds, 1),
            "tuned": {each.name: str(each) for each in self.space.ranges},
            "winner": decision.winner.number,
            "statement": decision.statement(),
            "seeds": list(decision.seeds),
            "deviation": decision.deviation if decision.seeds else None,
            "margin": decision.margin if decision.seeds else None,
            "finalists": [
                {**each.to_dict(), "mean": decision.mean(each) if self._is_compared(each) else None}
                for each in decision.finalists
            ],
            "importance": dict(self.importance),
            "best_so_far": self.best_so_far(),
            "recipe": str(self.folder / RECIPE_FILE),
            "report": str(self.folder / REPORT_FILE),
            "notes": list(self.notes),
        }

    def _is_compared(self, trial: Trial) -> bool:
        return trial in self.decision.compared

    def save(self) -> None:
        """Writes the recipe and the report into the folder."""
        write_text(self.folder / RECIPE_FILE, self.recipe())
        write_text(self.folder / REPORT_FILE, self.to_markdown())

    def finalist_rows(self) -> tuple[list[str], list[list[str]]]:
        """The columns and rows of the table of finalists, as texts."""
        decision = self.decision
        first = self.space.default.seed
        seeds = sorted({seed for each in decision.finalists for seed in each.others})
        columns = ["trial", "settings", *(f"seed {seed}" for seed in (first, *seeds))]
        if decision.seeds:
            columns += [f"mean of {decision.seeds_in_words}", "±"]
        rows = []
        for each in decision.finalists:
            values = [each.f1, *(each.others.get(seed) for seed in seeds)]
            summary = ["", ""] if decision.seeds else []
            if self._is_compared(each):
                summary = [f"{decision.mean(each):.4f}", f"{decision.own_deviation(each):.4f}"]
            rows.append([f"{each.number}", shown_changes(each), *map(shown_f1, values), *summary])
        return columns, rows

    def to_markdown(self) -> str:
        """The report as a Markdown document."""
        runs, seconds = self.spent
        columns, rows = self.finalist_rows()
        shares = [[name, f"{share:.0%}"] for name, share in self.importance.items()]
        default = self.space.default
        ranges = [
            [each.name, f"{getattr(default, each.name)}", str(each), each.reason]
            for each in self.space.ranges
        ]
        parts = [
            f"# Settings for {escaped(self.source)}",
            self.decision.statement(),
            f"{counted(runs, 'run')} in {seconds / 60:.1f} minutes; the budget was {self.budget}. "
            + _SCORES,
            "## Finalists",
            markdown_table(columns, rows, texts=2),
            _FINALISTS,
            "## Recipe",
            f"```toml\n{self.recipe()}```",
            "## Importance of the settings",
            markdown_table(["setting", "share"], shares) if shares else _NO_IMPORTANCE,
            *self._trials_in_markdown(),
            "## What was tuned",
            markdown_table(["setting", "default", "values", "reason"], ranges, texts=4),
            *(f"Note: {escaped(note)}" for note in self.notes),
        ]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"

    def _trials_in_markdown(self) -> list[str]:
        """The curve of the best F1 so far, and a table of all trials."""
        curve = self.best_so_far()
        bars = [
            f"{each.number:>4}  {best:.4f} {'█' * round(_BAR * best / (max(curve) or 1.0))}"
            for each, best in zip(self.trials, curve, strict=True)
        ]
        rows = [
            [
                f"{each.number}",
                shown_changes(each),
                each.ending,
                shown_f1(each.f1),
                f"{each.seconds / 60:.1f}",
            ]
            for each in self.trials
        ]
        return [
            "## Best F1 so far",
            "\n".join(["```text", *bars, "```"]),
            "## Trials",
            markdown_table(["trial", "settings", "ending", "F1", "minutes"], rows, texts=3),
            _PRUNED,
        ]


def shown_changes(trial: Trial) -> str:
    """The settings of a trial that differ from the default ones, in a line."""
    values = (f"{name} {value}".lower() for name, value in trial.changes.items())
    return ", ".join(values) or "the default"


def shown_f1(value: float | None) -> str:
    """Four decimals, or nothing."""
    return "" if value is None else f"{value:.4f}"


def importance(study: optuna.Study) -> dict[str, float]:
    """The share of each setting by PED-ANOVA (Watanabe et al., 2023), most important first.

    It compares the distributions of the values in the best trials with those in all completed
    ones. Empty if fewer than 8 trials were completed.
    """
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(completed) < _LEAST_FOR_IMPORTANCE:
        return {}
    quantile = min(_GOOD_TRIALS / len(completed), 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal scores: equal shares
        shares = get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(target_quantile=max(quantile, 0.1))
        )
    finite = {name: share for name, share in shares.items() if math.isfinite(share)}
    return dict(sorted(finite.items(), key=lambda each: -each[1]))
