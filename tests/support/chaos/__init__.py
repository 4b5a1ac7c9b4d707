"""
Chaos: three nodes, their engines and the lines between, faults in all of them, and a judgement of what clients saw.

``make chaos`` runs it (:mod:`tests.support.chaos.main`). What happened is a history
(:mod:`tests.support.chaos.history`), and that is judged by :mod:`~tests.support.chaos.linearizability`,
:mod:`~tests.support.chaos.feed` and :mod:`~tests.support.chaos.checks`.
"""
