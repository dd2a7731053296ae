"""Results that are instances of a class in the jugfile itself."""
# values: shown

from jug import TaskGenerator


class Model:
    def __init__(self, weight):
        self.weight = weight

    def __repr__(self):
        return f"Model({self.weight})"


@TaskGenerator
def fit(weight):
    return Model(weight)


@TaskGenerator
def predict(models, x):
    return [model.weight * x for model in models]


models = [fit(i) for i in range(3)]
shown = predict(models, 10)
