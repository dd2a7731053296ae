"""The demo, the self-test and the other commands that need no jugfile of one's own."""
# run: @demo
# run: @test-jug
# run: @install-skills
# run: @install-skills --output skills
# run: @install-skills --output skills
# run: @install-skills --output skills --force
# run: @python left.py
# status-differs: 2 its own tests do not pass as it is installed
# differs: 1 other words
# differs: 2 other words
# differs: 3 other words
# differs: 4 other words
# differs: 5 other words
# differs: 6 other words
# file: left.py = import os, shutil\nprint(sorted(os.listdir("skills")))\n[shutil.rmtree(name) for name in os.listdir(".") if os.path.isdir(name) and ("demo" in name or name == "skills")]
