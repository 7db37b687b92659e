"""Samples from a person's own work: conversations and votes. `own_texts` makes those of translations and summaries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from playground.context import with_files
from playground.records import Conversation, Message, Role, Turn
from playground.store import Database, History
from playground.store.training_data import Choice, OwnKind, OwnReply, TrainingData
from playground.thoughts import open_thought, split_thought
from playground.tuning.own_texts import Made, summary_samples, translation_samples
from playground.tuning.samples import Dataset, Problem, Sample

_UNFIT = "they were stopped, cut off, left out, voted down, or they failed"
__all__ = ["Choice", "OwnCounts", "OwnKind", "counts", "own_samples"]


@dataclass(frozen=True)
class OwnCounts:
    """How much there is of each kind, for a page."""

    chats: int
    """Conversations with a whole reply that was not voted down."""
    pinned: int
    """Of these, the pinned ones."""
    starred: int
    """Replies."""
    voted_up: int
    pairs: int
    segments: Mapping[tuple[str, str], int]
    """Of translations, confirmed or written by hand, by the languages from and into."""
    changed: Mapping[tuple[str, str], int]
    """Of these, the ones for which a machine had other words."""
    summaries: int
    unfit: tuple[str, ...] = ()
    """Why pairs of replies are none to learn from, which are not among `pairs`."""


def own_samples(choice: Choice, database: Database) -> Dataset:
    """What a choice leaves of the person's own work. `row` counts what was chosen, whether it became a sample or not.

    Nothing that a model was cut off in, nothing that was voted down and nothing of the trash is learned.
    """
    makers = {"chats": _chats, "votes": _votes, "translations": translation_samples, "summaries": summary_samples}
    samples: list[Sample] = []
    problems: list[Problem] = []
    seen: dict[tuple[object, ...], int] = {}
    row = 0
    for row, (sample, words) in enumerate(makers[choice.kind](choice, database), 1):
        if sample is None:
            problems.append(Problem(row, words))
            continue
        said = sample.messages, sample.learned, sample.chosen, sample.rejected
        if (same := seen.setdefault(said, row)) != row:
            problems.append(Problem(row, f"The row says the same as row {same}. It counts once."))
            continue
        samples.append(Sample(**{**vars(sample), "row": row}))
        if words:
            problems.append(Problem(row, words, lost=False))
    if choice.kind == "summaries" and samples:
        words = "The app keeps no corrected summaries: these are as a model wrote them. Read them before it is trained."
        problems.append(Problem(0, words, lost=False))
    return Dataset(tuple(samples), tuple(problems), row)


def counts(database: Database) -> OwnCounts:
    """How much there is to choose from."""
    data = TrainingData(database)

    def chats(choice: Choice) -> int:
        return len({one.conversation_id for one in data.replies(choice) if _good(one)})

    def replies(choice: Choice) -> int:
        return sum(map(_good, data.replies(choice)))

    languages = data.languages()
    votes = own_samples(Choice("votes"), database)
    return OwnCounts(
        chats=chats(Choice("chats")),
        pinned=chats(Choice("chats", pinned=True)),
        starred=replies(Choice("chats", starred=True)),
        voted_up=replies(Choice("chats", voted_up=True)),
        pairs=len(votes.samples),
        segments={pair: number for pair, (number, _) in languages.items()},
        changed={pair: number for pair, (_, number) in languages.items() if number},
        summaries=len(data.summaries(Choice("summaries"))),
        unfit=tuple(dict.fromkeys(one.words for one in votes.problems if one.lost)),
    )


def _chats(choice: Choice, database: Database) -> Iterator[Made]:
    """A sample for each conversation as it is shown; where single replies are chosen, for each branch with one."""
    history = History(database)
    single = choice.starred or choice.voted_up or bool(choice.messages)
    replies = TrainingData(database).replies(choice)
    for conversation_id, found in itertools.groupby(replies, key=lambda one: one.conversation_id):
        chosen = {one.id: one for one in found}
        conversation = history.conversation(conversation_id)
        for path in _branches(history, list(chosen)) if single else [history.path(conversation.leaf_id)]:
            mine = [chosen[one] for one in path if one in chosen]
            if not mine:  # What was chosen stands in another branch than the one that is shown.
                continue
            learned = {one.id for one in mine if _good(one)}
            turns, marks, words = _turns(conversation, history.messages(path, texts=True), learned)
            end = max((at for at, learns in enumerate(marks, 1) if learns), default=0)
            if not end:
                yield None, words or f"“{conversation.title}” has no reply to learn from: {_UNFIT}. Write one anew."
                continue
            if not words and len(learned) < len(mine):
                words = (
                    f"Some replies in “{conversation.title}” are not learned: {_UNFIT}. Write them anew to learn them."
                )
            yield Sample("chat", 0, tuple(turns[:end]), tuple(marks[:end]), group=conversation_id), words


def _votes(choice: Choice, database: Database) -> Iterator[Made]:
    """A sample for each better reply and each worse one beside it."""
    history = History(database)
    for better, worse in _pairs(choice, TrainingData(database), history):
        conversation = history.conversation(better.conversation_id)
        chosen, rejected = (_said(history.message(one.id)) for one in (better, worse))
        turns, _, words = _turns(conversation, history.branch(better.parent_id or ""), set())
        if words:
            yield None, words
        elif not turns or turns[-1].role != "user" or not chosen or not rejected or chosen == rejected:
            yield None, f"Two replies in “{conversation.title}” say the same or nothing. Take back a vote, or leave it."
        else:
            asked = tuple(turns)
            yield Sample("preference", 0, asked, chosen=chosen, rejected=rejected, group=conversation.id), ""


def _pairs(choice: Choice, data: TrainingData, history: History) -> Iterator[tuple[OwnReply, OwnReply]]:
    """Whole replies to one question, of which it is clear which is better."""
    chosen = {one.id for one in data.replies(choice)}
    shown: dict[str, set[str]] = {}
    beside: dict[str | None, list[OwnReply]] = {}
    for one in data.replies(choice, rivals=True):
        if one.whole:
            beside.setdefault(one.parent_id, []).append(one)
    for replies in beside.values():
        conversation_id = replies[0].conversation_id
        if conversation_id not in shown:
            shown[conversation_id] = set(history.path(history.conversation(conversation_id).leaf_id))
        for (at, better), (where, worse) in itertools.permutations(enumerate(replies), 2):
            if better.id in chosen and _clear(better, worse, better.id in shown[conversation_id], where < at, replies):
                yield better, worse


def _clear(better: OwnReply, worse: OwnReply, kept: bool, later: bool, beside: Sequence[OwnReply]) -> bool:
    """Up against down; up, written after one without a vote, and kept; written by hand over the other, and kept."""
    if better.vote > 0 and worse.vote < 0:
        return True
    if better.vote < 0 or worse.vote > 0 or not kept:
        return False
    over = {one.id: one.edits for one in beside}
    first = better.edits
    while over.get(first):  # Edited more than once: what counts is what the model wrote.
        first = over[first]
    return first == worse.id or (better.vote > 0 and later and not worse.edits)


def _good(reply: OwnReply) -> bool:
    return reply.whole and reply.vote >= 0


def _branches(history: History, ids: Sequence[str]) -> list[list[str]]:
    """The ways down to these messages, without those that lie on the way to another."""
    paths = [history.path(one) for one in ids]
    passed = {one for path in paths for one in path[:-1]}
    return [path for path in paths if path[-1] not in passed]


def _turns(
    conversation: Conversation, messages: Sequence[Message], learned: set[str]
) -> tuple[list[Turn], list[bool], str]:
    """What is said in a branch as a model is given it, which of it is learned, and what is to be told about it."""
    system = [conversation.system_prompt, *(one.content for one in messages if one.role == "system")]
    said: list[tuple[Role, str, bool]] = []
    left_out, words = False, ""
    for one in messages:
        if one.role == "user":
            left_out = one.left_out
        if one.role == "system" or one.left_out or left_out:
            continue
        if any(file.data is not None for file in one.attachments):
            words = (
                f"“{conversation.title}” has an image. Only text is trained here: what comes from it on is not learned."
            )
            break
        text = _said(one) if one.role == "assistant" else with_files(one.content, one.attachments)
        if not text.strip() or (one.role == "assistant" and not said):
            continue
        if said and said[-1][0] == one.role:  # As the app sends them, too: see context.as_turns.
            _, before, was = said.pop()
            said.append((one.role, f"{before}\n\n{text}", was and one.id in learned))
        else:
            said.append((one.role, text, one.id in learned))
    first = "\n\n".join(one for one in system if one.strip())
    if first and said:
        said.insert(0, ("system", first, False))
    return [Turn(role, text) for role, text, _ in said], [learns for _, _, learns in said], words


def _said(reply: Message) -> str:
    """A reply without what its model thought before it; "" where it only thought."""
    return "" if open_thought(reply.content) is not None else split_thought(reply.content)[1].strip()
