"""Count compilations: recompiling is the dominant cost of small fits, so it is treated as a bug."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax

_LOWERING = "/jax/core/compile/jaxpr_to_mlir_module_duration"


@contextlib.contextmanager
def count_compilations() -> Iterator[list[str]]:
    """Collect the programs that JAX prepares inside a ``with`` block, cached on disk or not.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> double = jax.jit(lambda x: 2 * x)
    >>> _ = double(jnp.ones(3))
    >>> with count_compilations() as compiled:
    ...     _ = double(jnp.zeros(3))
    >>> len(compiled)
    0
    """
    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **facts: str | int) -> None:
        if event == _LOWERING:
            compiled.append(str(facts.get("fun_name", "?")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
