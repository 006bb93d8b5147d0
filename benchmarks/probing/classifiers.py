"""Two classifiers that say which option is right: a linear one over words and numbers, and boosted trees over numbers.

Both score each option by itself, from features that tell how it stands beside the others, and name the likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import SGDClassifier

from benchmarks.probing.features import Instance

__all__ = ["CLASSIFIERS", "Classifier", "best_classifier"]

WORDS = 2**18
"""Words are hashed into so many features."""
FOLDS = 2
"""Parts of the instances of which each is predicted from the others, to choose a classifier."""


class Classifier(Protocol):
    """Learns from instances, and then says which option of others is right."""

    def fit(self, instances: Sequence[Instance]) -> Classifier:
        """Learn."""
        ...

    def predict(self, instances: Sequence[Instance]) -> np.ndarray:
        """The likeliest option of each: int (instances,)."""
        ...


class Linear:
    """Logistic regression over hashed words and scaled numbers."""

    def fit(self, instances: Sequence[Instance]) -> Linear:
        """Learn; see `Classifier`."""
        numbers = _stacked(instances)
        self.mean, self.scale = numbers.mean(0), numbers.std(0)
        self.used = np.flatnonzero(self.scale > 1e-6)
        # Averaged steps over shuffled rows: as good as an exact solution on rows this wide, in a tenth of its time.
        self.model = SGDClassifier(loss="log_loss", alpha=1e-4, average=True, max_iter=8, tol=None, random_state=0)
        self.model.fit(self._features(instances), _labels(instances))
        return self

    def predict(self, instances: Sequence[Instance]) -> np.ndarray:
        """The likeliest option of each; see `Classifier`."""
        return _likeliest(instances, self.model.decision_function(self._features(instances)))

    def _features(self, instances: Sequence[Instance]) -> sparse.csr_matrix:
        scaled = ((_stacked(instances) - self.mean)[:, self.used] / self.scale[self.used]).clip(-5, 5)
        hashed = FeatureHasher(WORDS, input_type="string", alternate_sign=False).transform(
            option for instance in instances for option in instance.words
        )
        return sparse.hstack([hashed, sparse.csr_matrix(scaled)], format="csr")


class Trees:
    """Gradient-boosted trees over numbers and the codes of the options."""

    def fit(self, instances: Sequence[Instance]) -> Trees:
        """Learn; see `Classifier`."""
        numbers = _stacked(instances)
        self.used = np.flatnonzero(numbers.std(0) > 1e-6)
        self.model = HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.15, max_leaf_nodes=15, l2_regularization=1.0, early_stopping=True,
            n_iter_no_change=8, categorical_features=[0], random_state=0,
        )  # fmt: skip
        self.model.fit(self._features(instances), _labels(instances))
        return self

    def predict(self, instances: Sequence[Instance]) -> np.ndarray:
        """The likeliest option of each; see `Classifier`."""
        return _likeliest(instances, self.model.decision_function(self._features(instances)))

    def _features(self, instances: Sequence[Instance]) -> np.ndarray:
        codes = np.array([code for instance in instances for code in instance.codes], np.float32)
        return np.hstack([codes[:, None], _stacked(instances)[:, self.used]])


CLASSIFIERS: Mapping[str, Callable[[], Classifier]] = {"linear": Linear, "trees": Trees}


def best_classifier(instances: Sequence[Instance]) -> tuple[str, Classifier]:
    """The better of the two by cross-validation, fitted to all instances, and its name."""
    right = np.array([instance.right for instance in instances])
    fold = np.arange(len(instances)) % FOLDS
    scores = {}
    for name, make in CLASSIFIERS.items():
        guessed = np.empty_like(right)
        for k in range(FOLDS):
            others = [instance for instance, part in zip(instances, fold, strict=True) if part != k]
            guessed[fold == k] = make().fit(others).predict(instances[k::FOLDS])
        scores[name] = float((guessed == right).mean())
    best = max(scores, key=lambda name: scores[name])
    return best, CLASSIFIERS[best]().fit(instances)


def _stacked(instances: Sequence[Instance]) -> np.ndarray:
    return np.vstack([instance.numbers for instance in instances])


def _labels(instances: Sequence[Instance]) -> np.ndarray:
    return np.concatenate([np.arange(len(instance.codes)) == instance.right for instance in instances])


def _likeliest(instances: Sequence[Instance], scores: np.ndarray) -> np.ndarray:
    ends = np.cumsum([len(instance.codes) for instance in instances])[:-1]
    return np.array([int(part.argmax()) for part in np.split(scores, ends)])
