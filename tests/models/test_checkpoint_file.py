from pathlib import Path

import pytest
import torch

from pinbench.base.errors import ModelError
from pinbench.worker.models.checkpoint_file import read_checkpoint


def saved(path: Path, *, legacy: bool = False) -> Path:
    state = {"emb_l.0.weight": torch.rand(50, 8), "bot_l.0.weight": torch.rand(64, 13)}
    torch.save({"state_dict": state, "iter": 3}, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_whole_file_is_read_in_both_containers(tmp_path, legacy):
    content = read_checkpoint(saved(tmp_path / "m.pt", legacy=legacy))
    assert content["state_dict"]["emb_l.0.weight"].shape == (50, 8)


class Malicious:
    def __reduce__(self):
        return (print, ("executed",))


def one_line_refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"CHECKPOINT={path} cannot be read as a PyTorch checkpoint: it ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"not a checkpoint", b"hello", b"\x89PNG\r\n", b"\x80\x04.", b"x" * 5000])
def test_a_file_that_is_no_checkpoint_is_told_from_a_damaged_one(tmp_path, content):
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    assert "it begins like no file of torch.save; name one that torch.save has" in one_line_refusal(path)


def test_an_empty_file_is_called_that(tmp_path):
    path = tmp_path / "m.pt"
    path.touch()
    assert "it is empty; fetch it again" in one_line_refusal(path)


@pytest.mark.parametrize("kept", [1, 3, 4, 30, 1000, 0.5, 0.9, -1])
def test_a_zip_container_that_was_cut_says_after_how_many_bytes_and_what_to_do(tmp_path, kept):
    path = cut(saved(tmp_path / "m.pt"), kept)
    wanted = f"it is cut short after {path.stat().st_size} bytes: the directory at its end is missing; fetch it again"
    assert wanted in one_line_refusal(path)


# 16 ends within the first pickle, 186 within the name of a class, 0.5 and later among the weights
@pytest.mark.parametrize("kept", [1, 2, 3, 16, 18, 28, 100, 186, 300, 0.5, 0.9, -1])
def test_a_legacy_container_that_was_cut_says_so_wherever_it_ends(tmp_path, kept):
    path = cut(saved(tmp_path / "m.pt", legacy=True), kept)
    message = one_line_refusal(path)
    assert "cut short or damaged; fetch it again" in message or "or is damaged; save its state_dict" in message


def test_a_zip_container_with_damage_inside_says_so(tmp_path):
    path = saved(tmp_path / "m.pt")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"state_dict", b"state\xffdict"))
    assert "it is cut short or damaged; fetch it again" in one_line_refusal(path)


def cut(path: Path, kept: float) -> Path:
    """Keep so many bytes, or that share of them; -1: all but the last."""
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    return path


def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run_it(tmp_path, capfd):
    path = tmp_path / "m.pt"
    torch.save({"state_dict": {}, "surprise": Malicious()}, path)
    assert "it holds print, neither tensor nor number" in one_line_refusal(path)
    assert "executed" not in capfd.readouterr().out
