"""Without a name the jugfile is jugfile.py; a jugfile in another directory; the script jug-execute."""
# run: @status
# run: @execute --will-cite
# run: @status
# run: @execute --will-cite deep/er/inner.py
# run: @status deep/er/inner.py
# run: @python where.py
# run: @python -m jug.jug status jugfile.py
# file: jugfile.py = from jug import TaskGenerator\n@TaskGenerator\ndef f(x): return x\nfs = [f(i) for i in range(2)]
# file: deep/er/inner.py = from jug import TaskGenerator\n@TaskGenerator\ndef g(x): return __name__\ngs = [g(i) for i in range(2)]
# file: where.py = import os\nprint(sorted(name for name in os.listdir() if name.endswith("jugdata")))
