"""Invariants switched off, one patch each, and the tests that notice it: ``./dev mutants`` shows that.

A patch is a unified diff behind a header of three kinds of lines: ``Invariant:`` (a number of
docs/architecture.md, or a word), ``Switched off:`` (what is wrong with the patch applied) and ``Noticed by:``
(a test, once for each). Line numbers do not matter: what a hunk takes away is in its file exactly once.
"""
