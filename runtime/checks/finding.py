"""What a check has against an answer."""

from dataclasses import dataclass

Missing = tuple[str, str]  # what is to be said of a name that is not there, and the name


@dataclass(frozen=True)
class Finding:
    """`remark`: a comment that says what is not there, or nothing. `doubt`: another answer is likely to be the right one."""

    remark: str = ""
    doubt: bool = True
