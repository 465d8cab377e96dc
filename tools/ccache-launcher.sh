#!/usr/bin/env bash
# The compiler launcher of tools/build.sh.  Paths into the build tree become
# relative, so that trees at different places share their cached objects.
exec ccache "${@/#$PWD\//}"
