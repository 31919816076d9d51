#!/bin/sh
# The environment of this checkout: made when there is none, renewed when it no longer fits, left alone otherwise.
#
#   sh bootstrap.sh                     make or renew it
#   sh bootstrap.sh --run COMMAND ...   the same, then run a command of it
#   sh bootstrap.sh --where             print its folder
#   sh bootstrap.sh --remove            remove it
#
# Needs Python >= 3.11 (PYTHON names another one than python3) and a package index; binary wheels only, so no compiler.
# The folder is HYDRAFLOW_VENV, else .venv here, else (a read-only checkout) one under XDG_CACHE_HOME or ~/.cache.
# A stamp in it says what it was made from: pyproject.toml, this file, the checkout's place, its own place, Python.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 69; }

where() {
    if [ -n "${HYDRAFLOW_VENV:-}" ]; then
        printf '%s\n' "$HYDRAFLOW_VENV"
    elif [ -w . ]; then
        printf '%s\n' .venv
    else
        cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
        [ -n "$cache" ] || fail "This checkout is read-only and HOME is unset: set HYDRAFLOW_VENV to a folder for the environment."
        printf '%s/hydraflow-x/venv-%s\n' "$cache" "$(pwd -P | cksum | cut -d' ' -f1)"
    fi
}

find_python() {
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
           "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# What the environment was or would be made from. Python's own answer also proves that its links still lead somewhere.
stamp() {
    "$venv/bin/python" -c 'import sys; print(sys.version_info[:2], sys.prefix)' 2>/dev/null || return 1
    pwd -P
    cat pyproject.toml setup.py bootstrap.sh | cksum
}

fits() { [ -f "$venv/.stamp" ] && now=$(stamp) && [ "$now" = "$(cat "$venv/.stamp")" ]; }

# It can be renewed in place: its Python runs and finds its packages, and it stands where it was made.
sound() {
    grep -qF "$place" "$venv/bin/activate" 2>/dev/null || return 1
    [ -e "$venv/.uv" ] && { command -v uv >/dev/null 2>&1 && "$venv/bin/python" -c '' 2>/dev/null; return; }
    "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

create() {
    python=$(find_python) ||
        fail "Python 3.11 or later was not found: install it (Debian, Ubuntu: apt-get install python3 python3-venv) or set PYTHON=/path/to/python."
    say "Making the environment $venv with $("$python" --version) ..."
    mkdir -p "$(dirname "$venv")"
    if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv"
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$python" "$venv"
        : >"$venv/.uv"
    else
        fail "This Python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv), or install uv, and run make again."
    fi
}

# An editable installation: the checkout itself is what runs. A read-only checkout cannot hold what the build writes
# beside pyproject.toml, so there a folder of links to it is installed.
install() {
    say "Installing packages (numpy, numba, development tools; about 250 MB the first time) ..."
    source=.
    if [ ! -w . ]; then
        source=$venv/.source
        rm -rf "$source"
        mkdir "$source"
        for name in *; do ln -s "$PWD/$name" "$source/$name"; done
    fi
    if [ -e "$venv/.uv" ]; then
        uv pip install --python "$venv/bin/python" --only-binary :all: --no-binary hydraflow-x --editable "$source[all,dev]" >&2
    else
        bar=off
        [ -t 2 ] && bar=on
        "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar $bar --only-binary :all: \
            --editable "$source[all,dev]" >&2
    fi || fail "Installing failed; the reason stands above. A package index must be reachable (pip: PIP_INDEX_URL, uv: UV_INDEX_URL)."
}

venv=$(where)
case $venv in
/*) place=$venv ;;
*) place=$(pwd -P)/$venv ;;
esac

if [ "${1:-}" = --where ]; then
    printf '%s\n' "$venv"
    exit 0
fi
if [ -e "$venv" ] && [ ! -f "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv")" ]; then
    fail "$venv exists and is no environment of Python: remove it, or set HYDRAFLOW_VENV to another folder."
fi
if [ "${1:-}" = --remove ]; then
    rm -rf "$venv"
    exit 0
fi

if ! fits; then
    if [ -e "$venv" ] && ! sound; then
        say "The environment $venv was moved, broken or left half-made: making it anew."
        rm -rf "$venv"
    fi
    rm -f "$venv/.stamp"
    [ -e "$venv" ] || create
    install
    stamp >"$venv/.stamp"
    say "Ready."
fi

if [ "${1:-}" = --run ]; then
    shift
    command=$1
    shift
    exec "$venv/bin/$command" "$@"
fi
