"""Tests of `playground.documents`."""
