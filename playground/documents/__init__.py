"""Text out of files that people attach: kind, encoding and structure. Knows nothing of models, pages or storage."""

from playground.documents.kinds import SUFFIXES, kind_of
from playground.documents.reading import LIMIT, read_document
from playground.documents.values import Block, BlockKind, Document

__all__ = ["LIMIT", "SUFFIXES", "Block", "BlockKind", "Document", "kind_of", "read_document"]
