#!/usr/bin/env bash
# The quick tests under each Python that the project is for, beside the one of .venv. Ends by saying which were run and which
# are not on this machine. Each has an environment of its own, .venv-3.12 and so on.
set -uo pipefail
cd "$(dirname "$0")/.."
VERSIONS=(3.11 3.12 3.13)

# The interpreter of a version: the one on the path, else one that pyenv or uv keeps.
find_python() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python \
        "$HOME/.local/share/uv/python/cpython-$1".*/bin/python3; do
        if "$candidate" -c "import sys, venv; assert '%d.%d' % sys.version_info[:2] == '$1'" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

own="$(.venv/bin/python -c "import platform; print(platform.python_version())")"
said=("Python $own: that of .venv, on which make test runs")
failed=0
for version in "${VERSIONS[@]}"; do
    [[ "$own" == "$version".* ]] && continue
    python="$(find_python "$version")"
    if [ -z "$python" ]; then
        said+=("Python $version: not on this machine, not run")
        continue
    fi
    exact="$("$python" -c "import platform; print(platform.python_version())")"
    echo "Python $exact"
    if make --no-print-directory test-quick VENV=".venv-$version" PYTHON="$python"; then
        said+=("Python $exact: the quick tests passed")
    else
        said+=("Python $exact: FAILED")
        failed=1
    fi
done
printf '%s\n' "" "${said[@]}"
exit "$failed"
