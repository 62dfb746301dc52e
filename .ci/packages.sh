# .ci/packages.sh: to be sourced: which of Debian's packages are needed for what, and how missing ones get installed
#
# SPDX-License-Identifier: LGPL-2.1-or-later

# The library; with it, the demo app
library_packages="gcc meson ninja-build pkg-config libglib2.0-dev libglib2.0-bin libsqlite3-dev libsoup-3.0-dev
  libjson-glib-dev libgcrypt20-dev gettext"
build_packages="$library_packages libgtk-4-dev libadwaita-1-dev libsecret-1-dev"

# What the tests need besides: the bindings, a display and who types on it, other people's tools to compare with, S3 servers
test_packages="python3 python3-gi python3-botocore gjs valac xvfb xauth xdotool imagemagick dbus age jq locales
  libgirepository1.0-dev gobject-introspection gi-docgen gir1.2-gtk-4.0 gir1.2-adw-1 gir1.2-atspi-2.0 at-spi2-core
  adwaita-icon-theme fonts-cantarell fonts-dejavu-core sqlite3 openssl ceph-mon ceph-osd radosgw swift-proxy
  swift-account swift-container swift-object memcached"

# What the benchmarks compare with
peer_packages="libgom-1.0-dev libtracker-sparql-3.0-dev"

# install_packages WHO PACKAGE...: installs those that are missing, as root or by sudo
install_packages() {
  local who=$1 package missing=()
  shift
  command -v dpkg-query >/dev/null || { echo "$who: not Debian; the packages needed are: $*" >&2; return 0; }
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  echo "$who: installing ${missing[*]}"
  # Installed, but never started as services of the machine: the tests start their own.
  "${root[@]}" apt-get update -q >/dev/null &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -yq --no-install-recommends "${missing[@]}" >/dev/null
}
