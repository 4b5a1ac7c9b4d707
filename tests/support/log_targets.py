"""A target of log lines in memory."""

from __future__ import annotations

from attrs import define, field

from cloudsvc.observe.files import LinesLost


@define(eq=False)
class Memory:
    """Remembers what was written, batch by batch. While ``fault`` is set it takes nothing."""

    name: str = "memory"
    fault: str = ""
    batches: list[bytes] = field(factory=list)
    closed: bool = False

    @property
    def text(self) -> str:
        """Everything written."""
        return b"".join(self.batches).decode()

    def write(self, lines: bytes) -> None:
        if self.fault:
            raise LinesLost(lines.count(b"\n"), self.fault)
        self.batches.append(lines)

    def reopen(self) -> None:
        self.batches.append(b"(opened anew)\n")

    def close(self) -> None:
        self.closed = True
