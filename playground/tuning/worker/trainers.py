"""trl's trainers on rows that are tokens already, with checkpoints that are sealed, and memory and tokens counted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playground.tuning.checkpoints import rotate, seal
from playground.tuning.packing import IGNORED, Row
from playground.tuning.recipe import Recipe
from playground.tuning.worker.rows import RowCollator
from playground.tuning.worker.sharing import filled, sampler

_CUDA_MULTIPLE, _CPU_MULTIPLE = 64, 1


def make_collator(pad_token_id: int, device: str) -> RowCollator:
    """Rows are filled up on a GPU only, where products of even sizes are faster."""
    return RowCollator(pad_token_id, _CPU_MULTIPLE if device == "cpu" else _CUDA_MULTIPLE)


def arguments(recipe: Recipe, device: str, output: Path, *, bf16: bool, batch: int) -> dict[str, Any]:
    """What transformers, trl's SFTConfig and its DPOConfig have in common; `batch` rows at a time."""
    return dict(
        output_dir=str(output),
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.lr_scheduler_type,
        warmup_steps=recipe.warmup_ratio,
        num_train_epochs=recipe.num_train_epochs,
        max_steps=recipe.max_steps,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=recipe.optim,
        seed=recipe.seed,
        data_seed=recipe.seed,
        neftune_noise_alpha=recipe.neftune_noise_alpha or None,
        gradient_checkpointing=recipe.gradient_checkpointing,
        bf16=bf16,
        use_cpu=device == "cpu",
        max_length=recipe.max_length,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device != "cpu",
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
    )


def sft_trainer(
    model: Any, tokenizer: Any, rows: Sequence[Row], values: dict[str, Any], collator: RowCollator, sealed: Sealed
) -> Any:
    """For conversations and for text."""
    import datasets
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Trainer(_mixin(sealed), SFTTrainer):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            # Not trl's own, which makes the logits twice, and measures that take longer than the loss.
            total = model(**inputs, learned=True)
            count = (inputs["labels"][:, 1:] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
            # `num_items_in_batch` counts the tokens of all processes, over which gradients are averaged.
            return total / count * (1 if num_items_in_batch is None else self.accelerator.num_processes)

        def _get_train_sampler(self, *more: Any, **named: Any) -> Any:
            if len(shared) == len(rows):
                return super()._get_train_sampler(*more, **named)
            return sampler(len(rows), config.world_size, values["seed"])

    config = SFTConfig(**values, packing=False, dataset_kwargs={"skip_prepare_dataset": True})
    shared = filled(rows, config.world_size)
    columns = {name: [list(getattr(row, name)) for row in shared] for name in ("input_ids", "labels", "seq_lengths")}
    return _exact(
        Trainer(
            model=model,
            args=config,
            train_dataset=datasets.Dataset.from_dict(columns),
            data_collator=collator,
            processing_class=tokenizer,
        )
    )


def dpo_trainer(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[dict[str, list[int]]],
    recipe: Recipe,
    values: dict[str, Any],
    sealed: Sealed,
) -> Any:
    """For pairs of a better and a worse reply; the base under the adapter is what they are compared with."""
    import datasets
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Trainer(_mixin(sealed), DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset  # They are tokens already.

    columns = {name: [one[name] for one in pairs] for name in ("prompt_ids", "chosen_ids", "rejected_ids")}
    config = DPOConfig(**values, beta=recipe.beta)
    return _exact(
        Trainer(model=model, args=config, train_dataset=datasets.Dataset.from_dict(columns), processing_class=tokenizer)
    )


def _exact(trainer: Any) -> Any:
    """Its adapter in float32, before there is an optimizer: trl makes it bfloat16 over a base of 4 bits.

    A step of learning is often less than the last digit that bfloat16 has of a weight, and would be lost.
    """
    for weight in trainer.model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return trainer


def at_its_end(trainer: Any, checkpoint: Path | None) -> bool:
    """Whether a checkpoint is that of the last step, which is loaded then: the trainer itself would make one more."""
    import transformers

    if checkpoint is None:
        return False
    state = transformers.TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    if state.global_step < state.max_steps:
        return False
    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = state
    return True


Sealed = Callable[[Path], None]
"""Told of each checkpoint that is on the disk."""


def _mixin(sealed: Sealed) -> Any:
    import transformers

    class Checked:
        """What both trainers get."""

        real_tokens = 0
        """That this process has learned from since it began; what fills rows up does not count."""

        def training_step(self, model: Any, inputs: Any, *more: Any, **named: Any) -> Any:
            real = inputs.pop("real_tokens", None)
            self.real_tokens += int(inputs["attention_mask"].sum() if real is None else real)
            return super().training_step(model, inputs, *more, **named)  # type: ignore[misc]

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            # Not trl's own, which writes a model card with each.
            transformers.Trainer._save_checkpoint(self, model, trial)  # type: ignore[arg-type]
            # Each process has put its random numbers into the folder by then.
            self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]
            args: Any = self.args  # type: ignore[attr-defined]
            if args.should_save:
                folder = Path(args.output_dir) / f"checkpoint-{self.state.global_step}"  # type: ignore[attr-defined]
                # A pickle that nothing reads.
                (folder / "training_args.bin").unlink(missing_ok=True)
                (folder / "README.md").unlink(missing_ok=True)
                seal(folder)
                rotate(folder.parent)
                sealed(folder)

    return Checked


def save_adapter(model: Any, folder: Path) -> None:
    """The adapter as safetensors, whole or not at all, in the place of an older one. Raises OSError."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    inner = getattr(model, "module", model)
    try:
        # trl's DPO puts a second one beside it, "ref", which is the bare base.
        inner.save_pretrained(str(part), safe_serialization=True, selected_adapters=["default"])
        (part / "README.md").unlink(missing_ok=True)
        seal(part)
    except Exception:
        shutil.rmtree(part, ignore_errors=True)  # On a full disk there has to be room to say so.
        raise
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)
