"""The service joins the four floors: what is installed, who may be loaded, who answers, and the machine that computes.

    with Runtime(base="nano") as runtime:
        print(runtime.generate("Turn into JSON: Ada, 36").text)

Nothing here speaks HTTP, and nothing here knows how experts are built.
"""

from runtime.service.answers import Answer, Ask, Piece
from runtime.service.errors import ContextTooLong, LoadRefused, NoSuchModel, Overloaded, Stopped
from runtime.service.runtime import Runtime
from runtime.service.session import Session

__all__ = [
    "Answer",
    "Ask",
    "ContextTooLong",
    "LoadRefused",
    "NoSuchModel",
    "Overloaded",
    "Piece",
    "Runtime",
    "Session",
    "Stopped",
]
