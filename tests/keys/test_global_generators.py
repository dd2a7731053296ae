"""Tasks that draw from the global random generators, which their arguments only refer to."""


def test_what_refers_to_a_global_generator_draws_other_numbers_in_each_task(jug):
    jug.write("""
        import random
        import numpy as np
        import scipy.stats
        from jug import TaskGenerator

        @TaskGenerator
        def draw(how, n):
            return float(how.rvs()) if hasattr(how, "rvs") else how(0, 1)

        hows = [scipy.stats.norm(0, 1), random.gauss, np.random.normal]
        drawn = [[draw(how, n) for n in range(4)] for how in hows]
    """)
    assert jug("execute").returncode == 0
    done = jug.python("""
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        print([len({t.value() for t in tasks}) for tasks in jugfile.drawn])
    """)
    assert done.stdout == "[4, 4, 4]\n"
