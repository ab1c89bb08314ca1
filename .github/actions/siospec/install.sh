#!/usr/bin/env bash
# Puts siospec on the PATH of the steps that follow: from the archive of a release, or built from these sources.
set -euo pipefail

root="$RUNNER_TEMP/siospec"
mkdir -p "$root/bin"

if [ "$SIOSPEC_VERSION" = source ]; then
    cargo install --locked --path "$GITHUB_ACTION_PATH/../../../harness" --root "$root"
else
    version=${SIOSPEC_VERSION#v}
    case "$RUNNER_OS-$RUNNER_ARCH" in
        Linux-X64) archive=siospec-x86_64-unknown-linux-musl.tar.gz ;;
        Linux-ARM64) archive=siospec-aarch64-unknown-linux-musl.tar.gz ;;
        macOS-X64) archive=siospec-x86_64-apple-darwin.tar.gz ;;
        macOS-ARM64) archive=siospec-aarch64-apple-darwin.tar.gz ;;
        Windows-X64) archive=siospec-x86_64-pc-windows-msvc.tar.gz ;;
        *)
            echo "::error::there is no siospec for $RUNNER_OS on $RUNNER_ARCH; use version: source"
            exit 2
            ;;
    esac
    from="${GITHUB_SERVER_URL:-https://github.com}/$SIOSPEC_REPOSITORY/releases/download/v$version"
    cd "$root"
    for file in "$archive" "$archive.sha256"; do
        curl --fail --silent --show-error --location --retry 3 --output "$file" "$from/$file"
    done
    if command -v sha256sum >/dev/null; then sha256sum --check "$archive.sha256"; else shasum -a 256 --check "$archive.sha256"; fi
    tar -xzf "$archive" -C bin
fi

echo "$root/bin" >>"$GITHUB_PATH"
"$root/bin/siospec" --version
