"""What is not there, and what nobody may look at, are two things; on every Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from prodigy_team.presence import exists, is_dir, is_file


def test_files_folders_links_and_what_is_not_there(tmp_path: Path) -> None:
    file, lost, ring = tmp_path / "file", tmp_path / "lost", tmp_path / "ring"
    file.touch()
    lost.symlink_to("nowhere")
    ring.symlink_to("ring")
    (tmp_path / "link").symlink_to(file)
    expected = {
        file: (True, True, False),
        tmp_path / "link": (True, True, False),
        tmp_path: (True, False, True),
        **dict.fromkeys((tmp_path / "nothing", file / "below", lost, ring, Path("a\0b")), (False, False, False)),
    }
    assert {each: (exists(each), is_file(each), is_dir(each)) for each in expected} == expected


@pytest.mark.parametrize("ask", [exists, is_file, is_dir])
def test_what_cannot_be_found_out_is_an_error(ask, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OSError):
        ask(tmp_path / ("x" * 5000))
