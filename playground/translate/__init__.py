"""Texts and documents into another language, segment by segment, with their shape kept."""
