# swift_server.py: OpenStack Swift with its s3api: it checks the region, and has no conditional PUT
#
# SPDX-License-Identifier: LGPL-2.1-or-later
import getpass
import os

PREFIX = 'DIMPLE_TEST_SWIFT_'
# Swift finds account and user in it
ACCESS_KEY = 'dimple:tester'
N_PORTS = 6
# It takes its time for each object, and a listing of pages is wanted with few of them
PAGE = 100
PROGRAMS = ('memcached', 'swift-account-server', 'swift-container-server', 'swift-object-server', 'swift-proxy-server')
PACKAGES = 'swift-proxy swift-account swift-container swift-object memcached'

STORAGE = '''\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}/conf
devices = {folder}/data
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_address = {folder}/run/no-syslog
log_level = WARNING
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
recon_cache_path = {folder}/run/cache
'''

PROXY = '''\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
{tls}workers = 2
user = {user}
swift_dir = {folder}/conf
log_address = {folder}/run/no-syslog
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
allowable_clock_skew = 900
max_bucket_listing = {page}
storage_domain = localhost
[filter:tempauth]
use = egg:swift#tempauth
user_{account} = {secret_key} .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
'''

PLAIN_FILTERS = ('catch_errors', 'gatekeeper', 'listing_formats', 'bulk', 'copy', 'slo', 'dlo', 'symlink')

MAKE_RING = '''\
import sys
from swift.common.ring import RingBuilder
path, port = sys.argv[1], int(sys.argv[2])
ring = RingBuilder(2, 1, 0)
ring.add_dev(dict(id=0, region=1, zone=1, ip='127.0.0.1', port=port, replication_ip='127.0.0.1', replication_port=port,
                  device='d1', weight=1, meta=''))
ring.rebalance()
ring.get_ring().save(path)
'''


def start(folder, ports, secret_key, certificate, key):
    port, tls_port, cache_port, *storage_ports = ports
    user = getpass.getuser()
    for name in (('data', 'd1'), ('run', 'cache')):
        os.mkdir(folder.join(*name))
    folder.write('swift.conf', '[swift-hash]\nswift_hash_path_suffix = dimple\nswift_hash_path_prefix = test\n')

    folder.spawn('memcached', 'memcached', '-u', user, '-l', '127.0.0.1', '-p', str(cache_port), '-U', '0', '-m', '64')
    for kind, storage_port in zip(('account', 'container', 'object'), storage_ports):
        ring = folder.join('conf', kind + '.ring.gz')
        folder.run('rings', '/usr/bin/python3', '-c', MAKE_RING, ring, str(storage_port))
        text = STORAGE.format(port=storage_port, user=user, folder=folder.path, kind=kind)
        conf = folder.write(kind + '.conf', text)
        folder.spawn(kind, f'swift-{kind}-server', conf)

    filters = ''.join(f'[filter:{name}]\nuse = egg:swift#{name}\n' for name in PLAIN_FILTERS)
    for name, proxy_port, tls in (('proxy', port, ''),
                                  ('tls', tls_port, f'cert_file = {certificate}\nkey_file = {key}\n')):
        conf = folder.write(name + '.conf', PROXY.format(
            port=proxy_port, tls=tls, user=user, folder=folder.path, cache_port=cache_port, page=PAGE,
            account=ACCESS_KEY.replace(':', '_'), secret_key=secret_key) + filters)
        folder.spawn(name, 'swift-proxy-server', conf)
