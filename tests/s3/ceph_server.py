# ceph_server.py: Ceph's RADOS gateway, with the smallest cluster that serves it: one monitor, one store in memory
#
# SPDX-License-Identifier: LGPL-2.1-or-later
import getpass
import grp
import os
import uuid

PREFIX = 'DIMPLE_TEST_S3_'
ACCESS_KEY = 'DIMPLETESTKEY'
N_PORTS = 3
PROGRAMS = ('ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin')
PACKAGES = 'ceph-mon ceph-osd radosgw'

CONFIGURATION = '''\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{monitor_port}]
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
setuser = {user}
setgroup = {group}
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
crash_dir = {folder}/run
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_crit = 0
mon_data_avail_warn = 0
mon_cluster_log_to_file = false
# One monitor agrees with itself at once
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
debug_rocksdb = 0/0
[mon]
mon_data = {folder}/data/mon
[osd]
osd_data = {folder}/data/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
memstore_page_set = true
memstore_page_size = 4096
[client]
rgw_data = {folder}/data/rgw
# Without tcp_nodelay every GET waits 40 ms for a delayed acknowledgement
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1 ssl_endpoint=127.0.0.1:{tls_port} \
ssl_certificate={certificate} ssl_private_key={key}
rgw_dns_name = localhost
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
debug_rgw = 0/0
'''


def start(folder, ports, secret_key, certificate, key):
    port, tls_port, monitor_port = ports
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    for name in ('mon', 'osd', 'rgw'):
        os.mkdir(folder.join('data', name))
    # These programs drop privileges to an account of their own, unless they are told to stay
    conf = folder.write('ceph.conf', CONFIGURATION.format(
        fsid=fsid, monitor_port=monitor_port, folder=folder.path, port=port, tls_port=tls_port, certificate=certificate,
        key=key, user=getpass.getuser(), group=grp.getgrgid(os.getegid()).gr_name))
    conf = ('-c', conf)
    monmap = folder.join('data', 'monmap')

    folder.run('mkfs', 'monmaptool', '--create', '--addv', 'a', f'[v2:127.0.0.1:{monitor_port}]', '--fsid', fsid,
               monmap)
    folder.run('mkfs', 'ceph-mon', *conf, '--mkfs', '-i', 'a', '--monmap', monmap)
    folder.spawn('mon', 'ceph-mon', *conf, '-i', 'a', '-f')
    folder.run('mkfs', 'ceph', *conf, '--connect-timeout', '30', 'osd', 'new', osd, '0')
    folder.run('mkfs', 'ceph-osd', *conf, '-i', '0', '--mkfs', '--osd-uuid', osd)
    folder.spawn('osd', 'ceph-osd', *conf, '-i', '0', '-f', '--osd-uuid', osd)
    folder.run('user', 'radosgw-admin', *conf, 'user', 'create', '--uid=dimple', '--display-name=dimple',
               '--access-key=' + ACCESS_KEY, '--secret-key=' + secret_key)
    folder.spawn('rgw', 'radosgw', *conf, '-n', 'client.rgw', '-f')
