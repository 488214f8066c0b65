"""Folders of Dockerfiles as tests want them."""

from pathlib import Path

from pinbench.harness.image.dockerfile import ImageFile, parse_image


def image(text: str, *, number: int = 1, name: str = "Dockerfile.1.a") -> ImageFile:
    """Return the Dockerfile of these lines; the first one may be left out."""
    whole = text if text.startswith("#") else f"# it\n{text}"
    return parse_image(whole, Path("/w") / name, number)


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Write Dockerfiles, name -> text, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"Dockerfile.{name}").write_text(text)
    return folder
