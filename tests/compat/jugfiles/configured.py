"""A .jugrc beside the jugfile sets options; the command line overrides it."""
# run: status
# run: execute
# run: @python where.py
# run: status --jugdir none.jugdata
# run: status
# file: .jugrc = [main]\njugdir=configured-%(jugfile)s.jugdata\nwill-cite=yes\n[status]\nshort=1\n[execute]\nkeep_going=True
# file: where.py = import os\nprint(sorted(name for name in os.listdir() if name.endswith("jugdata")))

from jug import TaskGenerator


@TaskGenerator
def work(x):
    return 10 // x


results = [work(i) for i in range(3)]
