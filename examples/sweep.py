"""A parameter sweep in two stages: the first one decides what the second one tries.

    jug execute sweep.py

A support vector machine learns to read handwritten digits (a data set that comes with scikit-learn).
Stage one tries a coarse grid of its two parameters, stage two a fine grid around the best pair, and
the winner is measured on images that neither stage has seen. The outcome ends up in sweep.txt.
"""

import numpy as np

from jug import TaskGenerator, bvalue

COARSE_C = [0.1, 1.0, 10.0, 100.0]
COARSE_GAMMA = [1e-4, 1e-3, 1e-2]
FINE_FACTORS = [0.5, 1.0, 2.0]


# scikit-learn is imported where it is needed: `jug status` then loads this file in no time.
@TaskGenerator
def split_digits(seed):
    """The digits in random order: 1000 images to learn from and the rest for the last test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    images, labels = digits.data[order], digits.target[order]
    return {"learn": (images[:1000], labels[:1000]), "test": (images[1000:], labels[1000:])}


@TaskGenerator
def cross_validate(data, c, gamma):
    """Mean accuracy over three folds of the images to learn from."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC

    images, labels = data["learn"]
    return float(np.mean(cross_val_score(SVC(C=c, gamma=gamma), images, labels, cv=3)))


@TaskGenerator
def best_of(scores):
    """The (C, gamma) with the highest score; of equals, the smallest."""
    return min(scores, key=lambda pair: (-scores[pair], pair))


@TaskGenerator
def accuracy_on_test(data, pair):
    """Learns with the chosen parameters and returns the accuracy on images never seen before."""
    from sklearn.svm import SVC

    c, gamma = pair
    model = SVC(C=c, gamma=gamma).fit(*data["learn"])
    return float(model.score(*data["test"]))


@TaskGenerator
def write_report(coarse_pair, fine_pair, accuracy, path):
    """Writes the parameters that won each stage and what they are worth."""
    with open(path, "w") as out:
        out.write(f"coarse grid: C={coarse_pair[0]:g} gamma={coarse_pair[1]:g}\n")
        out.write(f"fine grid:   C={fine_pair[0]:g} gamma={fine_pair[1]:g}\n")
        out.write(f"accuracy on unseen images: {accuracy:.4f}\n")
    return path


data = split_digits(seed=1)

coarse = {(c, gamma): cross_validate(data, c, gamma) for c in COARSE_C for gamma in COARSE_GAMMA}

# Which tasks stage two has depends on a result, not only on this text. `bvalue` is a value and a
# barrier in one: until the task has a result this file ends here; then it is read again from the top
# (all that is done is remembered) and goes on.
coarse_c, coarse_gamma = coarse_pair = bvalue(best_of(coarse))

# The middle of the fine grid is the winner of the coarse one: the same call with the same arguments is
# the same task, so it is not computed again.
fine = {
    (c, gamma): cross_validate(data, c, gamma)
    for c in (coarse_c * factor for factor in FINE_FACTORS)
    for gamma in (coarse_gamma * factor for factor in FINE_FACTORS)
}
fine_pair = best_of(fine)
accuracy = accuracy_on_test(data, fine_pair)
report = write_report(coarse_pair, fine_pair, accuracy, "sweep.txt")
