"""What can be got, as HTML: curated models, downloads, the Hub's answers, a server's models. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.engine.downloads import DownloadJob
from playground.engine.hub import HubModel
from playground.engine.hub_files import Repository, quantizations
from playground.overview import Offer, Overview
from playground.ui.models_parts import button, card, count_text, fact_line, fold, size_text, time_text
from playground.ui.models_view import model_facts
from playground.ui.reasons import reason_words
from playground.ui.strings import t


def offers_html(overview: Overview, language: str) -> str:
    """The curated models that are not here: those that fit first, the others folded away."""
    offers = [offer for offer in overview.offers if not overview.is_here(offer.preset.id)]
    fitting = "".join(_offer(offer, overview, language) for offer in offers if offer.fits)
    others = [offer for offer in offers if not offer.fits]
    if not offers:
        return f'<p class="hint">{t(language, "m.all_here")}</p>'
    if others:
        body = "".join(_offer(offer, overview, language) for offer in others)
        fitting += fold("offers:large", t(language, "m.too_large", n=len(others)), "", body)
    return fitting


def _offer(offer: Offer, overview: Overview, language: str) -> str:
    preset = offer.preset
    facts = [
        t(language, "m.parameters", n=count_text(preset.parameters)),
        *model_facts(preset.license, preset.kind, preset.languages, language),
        t(language, "m.context", n=f"{preset.context_length:,}"),
        t(language, "m.needs", size=size_text(offer.total)) + _precision(offer.precision),
    ]
    text = preset.good_at_zh if language == "zh" else preset.good_at
    notes = f"<p>{html.escape(text)}</p>"
    if preset.gated:
        notes += f'<p class="hint">{t(language, "m.gated")}</p>'
    get = button("download", t(language, "m.download", size=size_text(preset.size)), preset.id)
    if overview.offline:
        get = ""
    elif overview.is_coming(preset.id):
        get = f'<span class="pm-badge">{t(language, "m.job.running")}</span>'
    elif preset.pickle:
        ask = t(language, "m.convert_ask", size=size_text(preset.size))
        get = (
            f'<details class="pm-ask" data-key="get:{preset.id}"><summary>'
            f"{t(language, 'm.download', size=size_text(preset.size))} …</summary><div><p>{html.escape(ask)}</p>"
            f"{button('download_pickle', t(language, 'm.download_pickle'), preset.id, kind='danger')}</div></details>"
        )
    fits = t(language, "m.fits" if offer.fits else "m.fits_not")
    return card(f"offer:{preset.id}", preset.name, fits, fact_line(facts), notes, get)


def _precision(precision: str) -> str:
    return "" if precision == "auto" else f" ({precision})"


def jobs_html(overview: Overview, language: str) -> str:
    """The downloads that have not ended well: how far, how fast, how long still, and what can be done about them."""
    jobs = [job for job in overview.jobs if job.state not in ("done", "cancelled")]
    offline = f'<p class="hint">{t(language, "m.offline")}</p>' if overview.offline else ""
    if not jobs:
        return offline
    return f"{offline}<h3>{t(language, 'm.downloads')}</h3>" + "".join(_job(job, overview, language) for job in jobs)


def _job(job: DownloadJob, overview: Overview, language: str) -> str:
    words = [t(language, f"m.job.{job.state}")]
    if job.total:
        words.append(t(language, "m.job.progress", done=size_text(job.done), total=size_text(job.total)))
    if job.state == "running" and job.bytes_per_second:
        words.append(t(language, "m.job.speed", speed=size_text(job.bytes_per_second)))
    if job.state == "running" and job.seconds_left is not None:
        words.append(t(language, "m.job.left", time=time_text(job.seconds_left, language)))
    value = f'value="{job.done}" max="{job.total}"' if job.total else ""
    label = html.escape(job.title)
    drawn = f'<progress {value} aria-label="{label}"></progress>' if job.total or job.state == "running" else ""
    notes = drawn
    if job.error:
        notes += f'<p class="error">{html.escape(reason_words(language, job.error))}</p>'
    first = ""
    if job.needs_consent:
        first = button("download_pickle", t(language, "m.download_pickle"), job.name, kind="danger")
    elif job.state in ("queued", "running", "verifying"):
        first = button("pause", t(language, "m.job.pause"), job.id)
    elif not overview.offline:
        first = button("resume", t(language, "m.job.resume"), job.id)
    first += button("cancel", t(language, "m.job.cancel"), job.id, title=t(language, "m.job.cancel_title"))
    phase = "failed" if job.state == "failed" else "idle"
    return card(f"job:{job.id}", job.title, ", ".join(words), html.escape(job.detail), notes, first, phase=phase)


def search_html(query: str, found: Sequence[HubModel], language: str) -> str:
    """The Hub's answer; each repository's files are asked for when one wants to choose."""
    if not found:
        return f'<p class="hint">{html.escape(t(language, "m.search_none", query=query))}</p>'
    return "".join(_found(model, language) for model in found)


def _found(model: HubModel, language: str) -> str:
    kinds = [name for name, there in (("GGUF", model.has_gguf), ("safetensors", model.has_safetensors)) if there]
    facts = [
        model.license or t(language, "m.no_license"),
        t(language, "m.parameters", n=count_text(model.parameters)) if model.parameters else "",
        ", ".join(kinds),
        t(language, "m.hub_downloads", n=count_text(model.downloads)),
    ]
    notes = f'<p class="hint">{t(language, "m.gated")}</p>' if model.gated else ""
    choose = button("files", t(language, "m.choose_files"), model.id)
    return card(f"hub:{model.id}", model.id, "", fact_line(facts), notes, choose, files_box(model.id))


def files_box(repository: str) -> str:
    """Where the files of a repository are shown once they were asked for."""
    return f'<div id="pm-files-{html.escape(repository)}" data-own></div>'


def files_html(found: Repository, language: str) -> str:
    """What of a repository can be downloaded: each GGUF quantization, or the whole with safetensors or a pickle."""
    name = found.name.repository
    rows = [(f"{one.label}", one.size, f"{name}/{one.file}", "download") for one in quantizations(found.files)]
    for ending, words, action in (
        (".safetensors", "m.whole", "download"),
        (".bin", "m.whole_pickle", "download_pickle"),
    ):
        size = sum(file.size for file in found.files if "/" not in file.path and file.path.endswith(ending))
        if size and not (ending == ".bin" and rows):
            rows.append((t(language, words), size, name, action))
    if not rows:
        return f'<p class="hint">{t(language, "m.no_files")}</p>'
    note = f'<p class="hint">{t(language, "m.convert_ask", size=size_text(rows[-1][1]))}</p>'
    items = "".join(
        f"<li><span>{html.escape(label)}</span>"
        f"{button(action, t(language, 'm.download', size=size_text(size)), place)}</li>"
        for label, size, place, action in rows
    )
    return (note if rows[-1][3] == "download_pickle" else "") + f'<ul class="pm-files">{items}</ul>'


def server_html(url: str, models: Sequence[str], language: str) -> str:
    """A server's models, each ready to be used."""
    if not models:
        return f'<p class="hint">{t(language, "m.server_none")}</p>'
    items = "".join(
        f'<li data-key="served:{html.escape(name)}"><span>{html.escape(name)}</span>'
        f"{button('use_server', t(language, 'm.choose'), f'{url}#{name}')}</li>"
        for name in models
    )
    head = html.escape(t(language, "m.server_models", url=url))
    return f'<p><b>{head}</b></p><ul class="pm-files">{items}</ul>'
