"""Identity in the user's hands: __jug_hash__, __jug_value__, CustomHash, NoHash."""
# run: execute
# run: status
# run: @python change.py
# run: status
# run: execute
# file: change.py = open("version.dat", "w").write("2")
# values: custom hidden labelled

import os

from jug import TaskGenerator
from jug.unsafe import NoHash
from jug.utils import CustomHash

version = open("version.dat").read() if os.path.exists("version.dat") else "1"


class Label:
    def __init__(self, text, comment):
        self.text = text
        self.comment = comment

    def __jug_hash__(self):
        return b"label " + self.text.encode()


@TaskGenerator
def show(x):
    return str(x)


@TaskGenerator
def show_label(label):
    return label.text


custom = show(CustomHash(12.75, lambda number: b"%d" % int(number)))
hidden = show(NoHash(version))
labelled = show_label(Label("a", comment=version))
