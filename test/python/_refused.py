# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of the Python package share."""

import quantc


def refused(action, status: int, *texts: str) -> None:
    """`action` fails with this status and one line that has all texts."""
    try:
        action()
    except quantc.Error as error:
        assert error.status == status, (error.status, str(error))
        assert "\n" not in str(error), str(error)
        for text in texts:
            assert text in str(error), (text, str(error))
        return
    raise AssertionError(f"{texts} was not refused")
