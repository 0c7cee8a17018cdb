"""What a rule reports."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    what: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}\n    why:  {self.why}\n    mend: {self.mend}"
