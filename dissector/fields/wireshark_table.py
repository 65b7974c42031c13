"""The fields that Wireshark has for the protocols that we decode, by type.

Written by ``tools/wireshark_fields.py``; do not edit.
"""

VERSION = "4.0.17"
TABLE: dict[str, str] = {
    "FT_ABSOLUTE_TIME": """
frame.time nfs.atime nfs.ctime nfs.mtime rpc.auth.ctime
""",
    "FT_BOOLEAN": """
eth.dst.ig eth.dst.lg eth.ig eth.lg eth.src.ig eth.src.lg frame.cb_copy frame.ignored
frame.marked frame.packet_flags_crc_error frame.packet_flags_packet_too_error
frame.packet_flags_packet_too_short_error frame.packet_flags_preamble_error
frame.packet_flags_start_frame_delimiter_error frame.packet_flags_symbol_error
frame.packet_flags_unaligned_frame_error frame.packet_flags_wrong_inter_frame_gap_error
infiniband.bth.a infiniband.bth.m infiniband.bth.se infiniband.eoib.fcs infiniband.eoib.ms
ip.flags.df ip.flags.mf ip.flags.rb ip.flags.sf ip.fragment.multipletails ip.fragment.overlap
ip.fragment.overlap.conflict ip.fragment.toolongfragment ip.opt.sec_prot_auth_doe
ip.opt.sec_prot_auth_fti ip.opt.sec_prot_auth_genser ip.opt.sec_prot_auth_nsa
ip.opt.sec_prot_auth_sci ip.opt.sec_prot_auth_siop_esi ip.opt.type.copy ip.tos.cost ip.tos.delay
ip.tos.reliability ip.tos.throughput ipv6.fraghdr.more ipv6.fragment.multipletails
ipv6.fragment.overlap ipv6.fragment.overlap.conflict ipv6.fragment.toolongfragment
ipv6.opt.dff.flag.dup ipv6.opt.dff.flag.ret ipv6.opt.ioam.trace.flag.a
ipv6.opt.ioam.trace.flag.l ipv6.opt.ioam.trace.flag.o ipv6.opt.ioam.trace.flag.rsv
ipv6.opt.ioam.trace.type.bit0 ipv6.opt.ioam.trace.type.bit1 ipv6.opt.ioam.trace.type.bit10
ipv6.opt.ioam.trace.type.bit11 ipv6.opt.ioam.trace.type.bit2 ipv6.opt.ioam.trace.type.bit22
ipv6.opt.ioam.trace.type.bit3 ipv6.opt.ioam.trace.type.bit4 ipv6.opt.ioam.trace.type.bit5
ipv6.opt.ioam.trace.type.bit6 ipv6.opt.ioam.trace.type.bit7 ipv6.opt.ioam.trace.type.bit8
ipv6.opt.ioam.trace.type.bit9 ipv6.opt.ioam.trace.type.rsv ipv6.opt.ioam.trace.type.undef
ipv6.opt.mpl.flag.m ipv6.opt.mpl.flag.v ipv6.opt.pmtu.r_flag ipv6.opt.rpl.flag.f
ipv6.opt.rpl.flag.o ipv6.opt.rpl.flag.r ipv6.opt.smf_dpd.hash_bit ipv6.opt.type.change
iwarp_ddp.last_flag iwarp_ddp.tagged_flag iwarp_mpa.crc_flag iwarp_mpa.marker_flag
iwarp_mpa.rej_flag iwarp_rdma.hdrct_d iwarp_rdma.hdrct_r iwarp_rdma.send.fragment.multipletails
iwarp_rdma.send.fragment.overlap iwarp_rdma.send.fragment.overlap.conflict
iwarp_rdma.send.fragment.toolongfragment iwarp_rdma.term_hdrct_m
mount.pathconf.mask.chown_restricted mount.pathconf.mask.error_all
mount.pathconf.mask.error_link_max mount.pathconf.mask.error_max_canon
mount.pathconf.mask.error_max_input mount.pathconf.mask.error_name_max
mount.pathconf.mask.error_path_max mount.pathconf.mask.error_pipe_buf
mount.pathconf.mask.error_vdisable mount.pathconf.mask.no_trunc mount.statvfs.f_flag.st_grpid
mount.statvfs.f_flag.st_local mount.statvfs.f_flag.st_nodev mount.statvfs.f_flag.st_nosuid
mount.statvfs.f_flag.st_notrunc mount.statvfs.f_flag.st_rdonly nfs.access_delete
nfs.access_denied nfs.access_execute nfs.access_extend nfs.access_lookup nfs.access_modify
nfs.access_read nfs.access_supp_delete nfs.access_supp_execute nfs.access_supp_extend
nfs.access_supp_lookup nfs.access_supp_modify nfs.access_supp_read nfs.access_supp_xattr_list
nfs.access_supp_xattr_read nfs.access_supp_xattr_write nfs.access_xattr_list
nfs.access_xattr_read nfs.access_xattr_write nfs.aceflag4.dir_inherit nfs.aceflag4.failed_access
nfs.aceflag4.file_inherit nfs.aceflag4.id_group nfs.aceflag4.inherit_only
nfs.aceflag4.inherited_ace nfs.aceflag4.no_prop_inherit nfs.aceflag4.successful_access
nfs.acl.flags.auto_inherit nfs.acl.flags.defaulted nfs.acl.flags.protected
nfs.bctsa_use_conn_in_rdma_mode nfs.bctsr_use_conn_in_rdma_mode nfs.cachethis4
nfs.change_info.atomic nfs.clorachanged nfs.consecutive nfs.create_session.flags.conn_back_chan
nfs.create_session.flags.conn_rdma nfs.create_session.flags.persist nfs.dirlist4.eof
nfs.exchange_id.flags.bind_princ nfs.exchange_id.flags.confirmed_r
nfs.exchange_id.flags.confirmed_rec_a nfs.exchange_id.flags.moved_migr
nfs.exchange_id.flags.moved_refer nfs.exchange_id.flags.non_pnfs nfs.exchange_id.flags.pnfs_ds
nfs.exchange_id.flags.pnfs_mds nfs.fattr4.aclsupport.alarm_acl nfs.fattr4.aclsupport.allow_acl
nfs.fattr4.aclsupport.audit_acl nfs.fattr4.aclsupport.deny_acl nfs.fattr4.fs_charset_cap.nonutf8
nfs.fattr4.fs_charset_cap.utf8 nfs.fattr4_archive nfs.fattr4_cansettime
nfs.fattr4_case_insensitive nfs.fattr4_case_preserving nfs.fattr4_chown_restricted
nfs.fattr4_fh_expire_type.noexpire_with_open nfs.fattr4_fh_expire_type.vol_migration
nfs.fattr4_fh_expire_type.vol_rename nfs.fattr4_fh_expire_type.volatile_any nfs.fattr4_hidden
nfs.fattr4_homogeneous nfs.fattr4_link_support nfs.fattr4_named_attr nfs.fattr4_no_trunc
nfs.fattr4_offline nfs.fattr4_symlink_support nfs.fattr4_system nfs.fattr4_unique_handles
nfs.fattr4_xattr_support nfs.ff.layout_flags.no_io_thru_mds nfs.ff.layout_flags.no_layoutcommit
nfs.ff.layout_flags.no_read_io nfs.ff.local nfs.ff.tightly_coupled nfs.fh.endianness
nfs.fh.file.flag.aggr nfs.fh.file.flag.empty nfs.fh.file.flag.exp_snapdir
nfs.fh.file.flag.foster nfs.fh.file.flag.metadata nfs.fh.file.flag.mntpoint
nfs.fh.file.flag.multivolume nfs.fh.file.flag.named_attr nfs.fh.file.flag.next_gen
nfs.fh.file.flag.orphan nfs.fh.file.flag.private nfs.fh.file.flag.snadir_ent
nfs.fh.file.flag.snapdir nfs.fh.file.flag.striped nfs.fh.file.flag.vbn_access
nfs.fh.file.flag.vfiler nfs.fh.ro.node nfs.fsinfo.properties.hardlinks
nfs.fsinfo.properties.pathconf nfs.fsinfo.properties.setattr nfs.fsinfo.properties.symlinks
nfs.gxfh3.sfhflags.empty nfs.gxfh3.sfhflags.snapdir nfs.gxfh3.sfhflags.snapdirent
nfs.gxfh3.sfhflags.streamdir nfs.gxfh3.sfhflags.striped nfs.gxfh3.utlfield.junction
nfs.gxfh3.utlfield.tree nfs.layoutavail nfs.lock.locker.new_lock_owner nfs.lock.reclaim
nfs.lrs_present nfs.mode.exec_group nfs.mode.exec_other nfs.mode.exec_owner nfs.mode.read_group
nfs.mode.read_other nfs.mode.read_owner nfs.mode.save_swap_text nfs.mode.set_group_id
nfs.mode.set_user_id nfs.mode.write_group nfs.mode.write_other nfs.mode.write_owner
nfs.mode3.rgrp nfs.mode3.roth nfs.mode3.rusr nfs.mode3.sgid nfs.mode3.sticky nfs.mode3.suid
nfs.mode3.wgrp nfs.mode3.woth nfs.mode3.wusr nfs.mode3.xgrp nfs.mode3.xoth nfs.mode3.xusr
nfs.newoffset nfs.newsize nfs.newtime nfs.open_rflags.confirm nfs.open_rflags.locktype_posix
nfs.open_rflags.may_notify_lock nfs.open_rflags.preserve_unlinked nfs.openattr4.createdir
nfs.pathconf.case_insensitive nfs.pathconf.case_preserving nfs.pathconf.chown_restricted
nfs.pathconf.no_trunc nfs.read.eof nfs.recall nfs.recall4 nfs.reclaim4 nfs.reclaim_one_fs4
nfs.retclose4 nfs.sequence.flags.admin_state_revoked nfs.sequence.flags.backchannel_fault
nfs.sequence.flags.cb_gss_contexts_expired nfs.sequence.flags.cb_gss_contexts_expiring
nfs.sequence.flags.cb_path_down nfs.sequence.flags.cb_path_down_session
nfs.sequence.flags.devid_changed nfs.sequence.flags.devid_deleted
nfs.sequence.flags.expired_all_state_revoked nfs.sequence.flags.expired_some_state_revoked
nfs.sequence.flags.lease_moved nfs.sequence.flags.recallable_state_revoked
nfs.sequence.flags.restart_reclaim_needed nfs.synchronous nfs.truncate nfs.value_follows
nfs.want_deleg_timestamps nfs.want_notification.when_resrc_avail
nfs.want_push_deleg_when_uncontended nfsacl.aclent.perm.exec nfsacl.aclent.perm.read
nfsacl.aclent.perm.write nfsacl.create nfsacl.mask.acl_count nfsacl.mask.acl_entry
nfsacl.mask.default_acl_count nfsacl.mask.default_acl_entry nlm.block nlm.exclusive nlm.reclaim
portmap.answer rpc.authgssapi.message rpc.fragment.multipletails rpc.fragment.overlap
rpc.fragment.overlap.conflict rpc.fragment.toolongfragment rpc.lastfrag rpc.value_follows
rpcordma.fragment.multiple_tails rpcordma.fragment.overlap rpcordma.fragment.overlap.conflicts
rpcordma.fragment.too_long_fragment rquota.active tcp.flags.ack tcp.flags.ae tcp.flags.cwr
tcp.flags.ece tcp.flags.fin tcp.flags.push tcp.flags.res tcp.flags.reset tcp.flags.syn
tcp.flags.urg tcp.options.mptcp.flag_T.flag tcp.options.mptcp.flag_U.flag
tcp.options.mptcp.flag_V.flag tcp.options.mptcp.flag_W.flag tcp.options.rvbd.probe.flags.last
tcp.options.rvbd.probe.flags.notcfe tcp.options.rvbd.probe.flags.probe
tcp.options.rvbd.probe.flags.server tcp.options.rvbd.probe.flags.ssl
tcp.options.rvbd.trpy.flags.chksum tcp.options.rvbd.trpy.flags.fw_rst
tcp.options.rvbd.trpy.flags.fw_rst_inner tcp.options.rvbd.trpy.flags.fw_rst_probe
tcp.options.rvbd.trpy.flags.mode tcp.options.rvbd.trpy.flags.oob tcp.options.scpsflags.bets
tcp.options.scpsflags.compress tcp.options.scpsflags.nlts tcp.options.scpsflags.snack1
tcp.options.scpsflags.snack2 tcp.options.timestamp.tsval.syncookie.ecn
tcp.options.timestamp.tsval.syncookie.sack tcp.options.user_to_granularity
tcp.segment.multipletails tcp.segment.overlap tcp.segment.overlap.conflict
tcp.segment.toolongfragment
""",
    "FT_BYTES": """
eth.padding eth.trailer frame.pcaplog.data frame.verdict.hw frame.verdict.unknown
infiniband.aeth infiniband.atomicacketh infiniband.atomiceth infiniband.bth
infiniband.cm.dreq.private infiniband.cm.drsp.private infiniband.cm.rej.ari
infiniband.cm.rej.private infiniband.cm.rep.private infiniband.cm.req.alt_localgid
infiniband.cm.req.alt_remotegid infiniband.cm.req.ip_cm infiniband.cm.req.ip_cm.private
infiniband.cm.req.private infiniband.cm.req.serviceid.prefix infiniband.cm.rtu.private
infiniband.deth infiniband.grh infiniband.ieth infiniband.immdt
infiniband.linkrecord.servicedata infiniband.linkrecord.servicekey
infiniband.linkrecord.servicename infiniband.linkspeedwidthpairstable.portmask infiniband.lrh
infiniband.mad infiniband.mad.data infiniband.notice.datadetails
infiniband.p_keytable.p_keytableblock infiniband.payload infiniband.rawdata infiniband.rdeth
infiniband.reserved infiniband.reth infiniband.rmpp infiniband.rmpp.extendederrordata
infiniband.rmpp.transferreddata infiniband.rwh infiniband.sa.drdlid
infiniband.sa.subnetadmindata infiniband.serviceassociationrecord.servicekey
infiniband.smpdirected infiniband.smpdirected.initialpath infiniband.smpdirected.returnpath
infiniband.smplid infiniband.smplid.smpdata infiniband.trap.drnoticereturnpath infiniband.vendor
infiniband.vendordiag.diagdata ip.cipso.tag_data ip.fragments ip.opt.ext_sec_add_sec_info
ip.opt.padding ip.reassembled.data ipv6.embed_ipv4_prefix ipv6.embed_ipv4_suffix
ipv6.embed_ipv4_u ipv6.opt.calipso.cmpt_bitmap ipv6.opt.experimental ipv6.opt.ilnp_nonce
ipv6.opt.ioam.trace.free_space ipv6.opt.ioam.trace.node.oss.data ipv6.opt.mpl.seed_id
ipv6.opt.padn ipv6.opt.smf_dpd.hav ipv6.opt.smf_dpd.ident ipv6.opt.smf_dpd.tagger_id
ipv6.opt.unknown ipv6.opt_unknown_data ipv6.reassembled.data ipv6.routing.mipv6.reserved
ipv6.routing.rpl.address ipv6.routing.src.reserved ipv6.routing.srh.tag
ipv6.routing.unknown_data iwarp_ddp.rsvdulp iwarp_mpa.key.rep iwarp_mpa.key.req iwarp_mpa.pad
iwarp_mpa.privatedata iwarp_rdma.reserved iwarp_rdma.send.reassembled.data iwarp_rdma.term_ddp_h
iwarp_rdma.term_ddp_seg_len iwarp_rdma.term_rdma_h mount.statvfs.f_fstr nfs.bitmap_data nfs.data
nfs.devaddr.scsi_private_key nfs.devaddr.scsi_vpd_designator nfs.deviceid nfs.devinfo
nfs.fh.dc.opaque nfs.fh.ex.info nfs.fh.hp.key nfs.fh.obj.info nfs.fhandle nfs.gsshandle4
nfs.layout nfs.layoutstats nfs.layoutupdate nfs.lock_owner4 nfs.lrf_body_content nfs.majorid4
nfs.netloc nfs.nfs_client_id4.id nfs.open_owner4 nfs.scope
nfs.secinfo.flavor_info.rpcsec_gss_info.oid nfs.session_id4 nfs.stateid nfs.stateid.other
nfs.verifier nlm.cookie nlm.lock.owner portmap.args portmap.result rpc.auth.lk_owner
rpc.authgss.checksum rpc.authgss.context rpc.authgss.data rpc.authgss.token
rpc.authgssapi.handle rpc.authgssapi.isn rpc.continuation_data rpc.fill_bytes rpc.fragment_data
rpc.opaque_data rpcordma.reassembled.data stat.priv tcp.options tcp.options.ao.mac
tcp.options.experimental.data tcp.options.md5.digest tcp.options.mptcp.sendhmac
tcp.options.scps.binding.data tcp.options.tfo.cookie tcp.options.unknown.payload tcp.payload
tcp.reassembled.data tcp.segment_data udp.payload
""",
    "FT_DOUBLE": """
ip.geoip.dst_lat ip.geoip.dst_lon ip.geoip.lat ip.geoip.lon ip.geoip.src_lat ip.geoip.src_lon
ipv6.geoip.dst_lat ipv6.geoip.dst_lon ipv6.geoip.lat ipv6.geoip.lon ipv6.geoip.src_lat
ipv6.geoip.src_lon
""",
    "FT_ETHER": """
eth.addr eth.dst eth.src ipv6.dst_slaac_mac ipv6.slaac_mac ipv6.src_slaac_mac
""",
    "FT_FRAMENUM": """
ip.fragment ip.fragment.error ip.reassembled_in ipv6.fragment ipv6.fragment.error
ipv6.reassembled.in iwarp_rdma.send.fragment iwarp_rdma.send.fragment.error
iwarp_rdma.send.reassembled_in rpc.authgss.context.created_frame
rpc.authgss.context.destroyed_frame rpc.call.dup rpc.fragment rpc.fragment.error rpc.repframe
rpc.reply.dup rpc.reqframe rpcordma.fragment rpcordma.fragment.error rpcordma.reassembled.in
tcp.analysis.acks_frame tcp.analysis.duplicate_ack_frame tcp.analysis.rto_frame
tcp.continuation_to tcp.fin_retransmission tcp.pdu.last_frame tcp.reassembled_in tcp.segment
tcp.segment.error
""",
    "FT_GUID": """
nfs.fh.exportid nfs.fh.gfid
""",
    "FT_INT16": """
frame.encap_type
""",
    "FT_INT32": """
ipv6.routing.rpl.addr_count nlm.sequence tcp.window_size_scalefactor
""",
    "FT_INT64": """
frame.file_off frame.verdict.ebpf_tc frame.verdict.ebpf_xdp
""",
    "FT_INT8": """
frame.p2p_dir
""",
    "FT_IPv4": """
infiniband.cm.req.ip_cm.dip4 infiniband.cm.req.ip_cm.sip4 infiniband.cm.req.prim_localgid_ipv4
infiniband.cm.req.prim_remotegid_ipv4 ip.addr ip.cur_rt ip.dst ip.empty_rt ip.opt.addr
ip.opt.originator ip.opt.time_stamp_addr ip.rec_rt ip.src ip.src_rt ipv6.6to4_gw_ipv4
ipv6.dst_6to4_gw_ipv4 ipv6.dst_embed_ipv4 ipv6.dst_isatap_ipv4 ipv6.dst_tc_ipv4 ipv6.dst_ts_ipv4
ipv6.embed_ipv4 ipv6.isatap_ipv4 ipv6.src_6to4_gw_ipv4 ipv6.src_embed_ipv4 ipv6.src_isatap_ipv4
ipv6.src_tc_ipv4 ipv6.src_ts_ipv4 ipv6.tc_ipv4 ipv6.ts_ipv4 nfs.universal_address.ipv4
tcp.options.mptcp.ipv4 tcp.options.rvbd.probe.client.ip tcp.options.rvbd.probe.prober
tcp.options.rvbd.probe.proxy.ip tcp.options.rvbd.trpy.dst.ip tcp.options.rvbd.trpy.src.ip
""",
    "FT_IPv6": """
infiniband.classportinfo.redirectgid infiniband.classportinfo.trapgid
infiniband.cm.req.ip_cm.dip6 infiniband.cm.req.ip_cm.sip6 infiniband.cm.req.prim_localgid
infiniband.cm.req.prim_remotegid infiniband.grh.dgid infiniband.grh.sgid
infiniband.informinfo.gid infiniband.informinforecord.subscribergid
infiniband.linkrecord.servicegid infiniband.mcmemberrecord.mgid
infiniband.mcmemberrecord.portgid infiniband.multipathrecord.sdgid infiniband.pathrecord.dgid
infiniband.pathrecord.sgid infiniband.trap.datavalid infiniband.trap.gidaddr
infiniband.trap.gidaddr1 infiniband.trap.gidaddr2 infiniband.trap.swlidaddr ipv6.addr ipv6.dst
ipv6.opt.mipv6.home_address ipv6.routing.mipv6.home_address ipv6.routing.rpl.full_address
ipv6.routing.src.addr ipv6.routing.srh.addr ipv6.src nfs.universal_address.ipv6
tcp.options.mptcp.ipv6
""",
    "FT_NONE": """
eth.fcs_bad eth.invalid_lentype.expert eth.len.past_end eth.padding_bad eth.src_not_group
frame.comment.expert frame.incomplete frame.len_lt_caplen frame.ref_time frame.time_invalid
infiniband.classportinfo infiniband.portcounters infiniband.portcounters_ext
ip.bogus_header_length ip.bogus_ip_length ip.bogus_ip_version ip.checksum_bad.expert
ip.cipso.malformed ip.evil_packet ip.nop ip.opt.len.invalid ip.opt.ptr.before_address
ip.opt.ptr.middle_address ip.subopt_too_long ip.ttl.lncb ip.ttl.too_small
ipv6.bogus_ipv6_version ipv6.dst_addr.not_multicast ipv6.embed_ipv4.u.nonzero ipv6.fragments
ipv6.hopopts.not_first ipv6.invalid_header ipv6.opt ipv6.opt.deprecated ipv6.opt.header_mismatch
ipv6.opt.invalid_len ipv6.opt.ioam.trace.invalid_nodelen ipv6.opt.ioam.trace.invalid_remlen
ipv6.opt.ioam.trace.invalid_type ipv6.opt.jumbo.fragment ipv6.opt.jumbo.missing
ipv6.opt.jumbo.prohibited ipv6.opt.jumbo.truncated ipv6.opt.mpl.ipv6_src_seed_id ipv6.opt.pad1
ipv6.opt.unknown_data.expert ipv6.plen_exceeds_framing ipv6.plen_zero ipv6.routing.deprecated
ipv6.routing.invalid_length ipv6.routing.invalid_segleft ipv6.routing.rpl.addr_count_ge0
ipv6.routing.rpl.cmprI_cmprE_pad ipv6.routing.rpl.reserved_not0 ipv6.routing.undecoded
ipv6.src_route_list.dst_addr ipv6.src_route_list.mult_inst_same_addr
ipv6.src_route_list.multicast_addr ipv6.src_route_list.src_addr iwarp_ddp
iwarp_ddp.control_field iwarp_ddp.tagged iwarp_ddp.untagged iwarp_mpa.bad_length iwarp_mpa.fpdu
iwarp_mpa.markers iwarp_mpa.reject_bit_responder iwarp_mpa.rep iwarp_mpa.req
iwarp_mpa.res.not_set0 iwarp_mpa.rev.not_set1 iwarp_rdma iwarp_rdma.control_field iwarp_rdma.rr
iwarp_rdma.send.fragments iwarp_rdma.term_ctrl iwarp_rdma.term_hdrct iwarp_rdma.terminate
mount.dump.entry mount.export.entry mount.export.groups nfs.bitmap_no_dissector
nfs.bitmap_skip_value nfs.bitmap_undissected_data nfs.contents nfs.fattr4.fs_location
nfs.fattr4.threshold_item nfs.file_system_cycle nfs.flavors.info nfs.not_vnx_file
nfs.protocol_violation nfs.readdir.entry nfs.servers nfs.sp_parms4_encr_algs
nfs.sp_parms4_hash_algs nfs.stateid.deprecated nfs.test_stateid.results
nfs.test_stateid.stateids nfs.too_many_bitmaps nfs.too_many_ops nfsacl.acl nfsacl.aclent
nlm.holder nlm.lock nlm.share nlm.test_stat portmap.rpcb rpc.array_no_values rpc.cannot_dissect
rpc.dup rpc.fragments rpc.segment_needed rpc.unknown_body rpcordma.fragments rquota.rquota
stat.mon stat.my_id stat.stat_chge stat.stat_res tcp.ack.nonzero tcp.analysis
tcp.analysis.ack_lost_segment tcp.analysis.duplicate_ack tcp.analysis.fast_retransmission
tcp.analysis.flags tcp.analysis.keep_alive tcp.analysis.keep_alive_ack tcp.analysis.lost_segment
tcp.analysis.out_of_order tcp.analysis.retransmission tcp.analysis.reused_ports
tcp.analysis.spurious_retransmission tcp.analysis.tfo_ack tcp.analysis.tfo_ignored
tcp.analysis.tfo_syn tcp.analysis.window_full tcp.analysis.window_update
tcp.analysis.zero_window tcp.analysis.zero_window_probe tcp.analysis.zero_window_probe_ack
tcp.bogus_header_length tcp.checksum.ffff tcp.checksum_bad.expert tcp.connection.fin
tcp.connection.fin_active tcp.connection.fin_passive tcp.connection.rst tcp.connection.syn
tcp.connection.synack tcp.non_zero_bytes_after_eol tcp.nop tcp.option.len.invalid
tcp.options.mss.absent tcp.options.mss.present tcp.options.sack.dsack tcp.options.snack.sequence
tcp.options.tfo.request tcp.options.wscale.shift.invalid tcp.segments tcp.short_segment
tcp.suboption_malformed tcp.urgent_pointer.non_zero udp.checksum.bad udp.checksum.zero
udp.length.bad udp.length.bad_zero udp.possible_traceroute
""",
    "FT_RELATIVE_TIME": """
frame.offset_shift frame.time_delta frame.time_delta_displayed frame.time_epoch
frame.time_relative nfs.dtime nlm.time rpc.time tcp.analysis.ack_rtt tcp.analysis.initial_rtt
tcp.analysis.rto tcp.pdu.time tcp.time_delta tcp.time_relative udp.time_delta udp.time_relative
""",
    "FT_STRING": """
eth.addr.oui_resolved eth.addr_resolved eth.dst.oui_resolved eth.dst_resolved
eth.src.oui_resolved eth.src_resolved frame.bblog frame.coloring_rule.name
frame.coloring_rule.string frame.comment frame.interface_description frame.interface_name
frame.md5_hash frame.protocols frame.verdict infiniband.nodedescription.nodestring
infiniband.serviceassociationrecord.servicename ip.cipso.categories ip.cur_rt_host ip.dst_host
ip.empty_rt_host ip.geoip.city ip.geoip.country ip.geoip.country_iso ip.geoip.dst_city
ip.geoip.dst_country ip.geoip.dst_country_iso ip.geoip.dst_org ip.geoip.dst_summary ip.geoip.org
ip.geoip.src_city ip.geoip.src_country ip.geoip.src_country_iso ip.geoip.src_org
ip.geoip.src_summary ip.host ip.opt.sec_rfc791_hr ip.opt.sec_rfc791_tcc ip.rec_rt_host
ip.src_host ip.src_rt_host ipv6.dst_host ipv6.geoip.city ipv6.geoip.country
ipv6.geoip.country_iso ipv6.geoip.dst_city ipv6.geoip.dst_country ipv6.geoip.dst_country_iso
ipv6.geoip.dst_org ipv6.geoip.dst_summary ipv6.geoip.org ipv6.geoip.src_city
ipv6.geoip.src_country ipv6.geoip.src_country_iso ipv6.geoip.src_org ipv6.geoip.src_summary
ipv6.host ipv6.opt.lio.line_id ipv6.src_host mount.dump.directory mount.dump.hostname
mount.export.directory mount.export.group mount.export.options mount.path
mount.statvfs.f_basetype nfs.entry_name nfs.fattr4.security_label.context nfs.fattr4_mimetype
nfs.fattr4_owner nfs.fattr4_owner_group nfs.ff.synthetic_owner nfs.ff.synthetic_owner_group
nfs.full_name nfs.machinename4 nfs.name nfs.nii_domain4 nfs.nii_name4 nfs.nl_name nfs.nl_url
nfs.pathname.component nfs.r_addr nfs.r_netid nfs.readdir.entry.name nfs.readdir.entry3.name
nfs.readdirplus.entry.name nfs.readlink.data nfs.server nfs.symlink.linktext nfs.symlink.to
nfs.tag nfs.who nfs.xattr.key nlm.lock.caller_name nlm.share.name portmap.rpcb.addr
portmap.rpcb.netid portmap.rpcb.owner portmap.uaddr rpc.auth.machinename rpc.authdes.netname
rquota.pathp stat.mon_id.name stat.my_id.hostname stat.name tcp.flags.str tcp.proc.dstcmd
tcp.proc.dstuname tcp.proc.srccmd tcp.proc.srcuname tcp.reset_cause udp.proc.dstcmd
udp.proc.dstuname udp.proc.srccmd udp.proc.srcuname
""",
    "FT_UINT16": """
cmd.sgt erspan.spanid eth.len frame.link_nr infiniband.bth.p_key infiniband.cm.req.alt_locallid
infiniband.cm.req.alt_remotelid infiniband.cm.req.prim_locallid infiniband.cm.req.prim_remotelid
infiniband.eoib.ip_seg_id infiniband.eoib.ip_seg_offset infiniband.grh.paylen
infiniband.grh.tclass infiniband.lrh.dlid infiniband.lrh.pktlen infiniband.lrh.reserved5
infiniband.lrh.slid infiniband.portcounters.portrcverrors
infiniband.portcounters.portrcvremotephysicalerrors
infiniband.portcounters.portrcvswitchrelayerrors infiniband.portcounters.portxmitdiscards
infiniband.portcounters.symbolerrorcounter infiniband.portcounters.vl15dropped ip.frag_offset
ip.len ip.opt.id_number ip.opt.mtu ip.opt.ohc ip.opt.ra ip.opt.rhc ip.opt.sec_rfc791_comp
ip.opt.sid ipv6.6to4_sla_id ipv6.dst_6to4_sla_id ipv6.dst_tc_port ipv6.dstopts.len_oct
ipv6.fraghdr.offset ipv6.fraghdr.reserved_bits ipv6.hopopts.len_oct ipv6.opt.dff.sequence_number
ipv6.opt.ioam.trace.ns ipv6.opt.pdm.delta_last_recv ipv6.opt.pdm.delta_last_sent
ipv6.opt.pdm.psn_last_recv ipv6.opt.pdm.psn_this_pkt ipv6.opt.pmtu.min ipv6.opt.pmtu.rtn
ipv6.opt.router_alert ipv6.plen ipv6.routing.crh16.current_sid ipv6.routing.crh16.sid
ipv6.routing.len_oct ipv6.src_6to4_sla_id ipv6.src_tc_port ipv6.tc_port iwarp_mpa.marker_fpduptr
iwarp_mpa.pdlength iwarp_mpa.ulpdulength mount.pathconf.max_canon mount.pathconf.max_input
mount.pathconf.name_max mount.pathconf.path_max mount.pathconf.pipe_buf nfs.fh.ex.kindid
nfs.fh.ex.treeid nfs.fh.fsid.major nfs.fh.fsid.minor nfs.fh.obj.kindid nfs.fh.obj.treeid
nfs.fh.pd.sites.siteid nfs.fh.xfsid.major nfs.fh.xfsid.minor tcp.dstport
tcp.options.mptcp.datalvllen tcp.options.mptcp.port tcp.options.mss_val
tcp.options.rvbd.probe.appli_ver tcp.options.rvbd.probe.proxy.port
tcp.options.rvbd.trpy.client.port tcp.options.rvbd.trpy.dst.port tcp.options.rvbd.trpy.src.port
tcp.options.snack.le tcp.options.snack.offset tcp.options.snack.re tcp.options.snack.size
tcp.options.user_to_val tcp.options.wscale.multiplier tcp.port tcp.srcport tcp.urgent_pointer
tcp.window_size_value udp.checksum_coverage udp.dstport udp.length udp.port udp.srcport vlan.id
""",
    "FT_UINT16 hex": """
eth.invalid_lentype eth.type infiniband.classportinfo.capabilitymask
infiniband.classportinfo.redirectlid infiniband.classportinfo.redirectpkey
infiniband.classportinfo.traplid infiniband.classportinfo.trappkey infiniband.cm.rej.reason
infiniband.cm.req.ip_cm.sport infiniband.cm.req.pkey infiniband.cm.req.serviceid.dport
infiniband.eoib.ip_chk infiniband.eoib.tcp_chk infiniband.eoib.version
infiniband.informinfo.lidrangebegin infiniband.informinfo.lidrangeend
infiniband.informinfo.trapnumberdeviceid infiniband.informinfo.type
infiniband.informinforecord.enum infiniband.linkrecord.fromlid
infiniband.linkrecord.servicep_key infiniband.linkrecord.tolid infiniband.mad.attributeid
infiniband.mad.classspecific infiniband.mad.status infiniband.mcmemberrecord.mlid
infiniband.mcmemberrecord.p_key infiniband.multicastforwardingtable.portmask
infiniband.multipathrecord.p_key infiniband.nodeinfo.deviceid infiniband.nodeinfo.partitioncap
infiniband.notice.issuerlid infiniband.notice.noticecount infiniband.notice.trapnumberdeviceid
infiniband.p_keytable.p_keybase infiniband.pathrecord.dlid infiniband.pathrecord.p_key
infiniband.pathrecord.sl infiniband.pathrecord.slid infiniband.portcounters.counterselect
infiniband.portcounters_ext.counterselect infiniband.portinfo.diagcode infiniband.portinfo.lid
infiniband.portinfo.m_keyleaseperiod infiniband.portinfo.m_keyviolations
infiniband.portinfo.mastersmlid infiniband.portinfo.maxcredithint
infiniband.portinfo.p_keyviolations infiniband.portinfo.q_keyviolations
infiniband.randomforwardingtable.lid infiniband.rwh.etype infiniband.sa.attributeoffset
infiniband.sa.blocknum_ninebit infiniband.sa.blocknum_sixteenbit infiniband.sa.endportlid
infiniband.sa.lid infiniband.smpdirected.drdlid infiniband.smpdirected.drslid
infiniband.smpdirected.smpstatus infiniband.switchinfo.lidsperport
infiniband.switchinfo.linearfdbcap infiniband.switchinfo.linearfdbtop
infiniband.switchinfo.multicastfdbcap infiniband.switchinfo.partitionenforcementcap
infiniband.switchinfo.randomfdbcap infiniband.tracerecord.idgeneration
infiniband.trap.attributeid infiniband.trap.drslid infiniband.trap.lidaddr
infiniband.trap.lidaddr1 infiniband.trap.lidaddr2 infiniband.trap.pkey infiniband.variant.crc
infiniband.vendordiag.nextindex ip.checksum ip.checksum_calculated ip.id ip.opt.sec_rfc791_sec
ipv6.opt.calipso.checksum ipv6.opt.ioam.trace.flags ipv6.opt.ioam.trace.node.eif
ipv6.opt.ioam.trace.node.iif ipv6.opt.rpl.sender_rank iwarp_mpa.marker_res iwarp_rdma.term_rsvd
mount.pathconf.mask nfs.fh.flags nfs.fh.pd.spaces.snapid nfs.gxfh3.cid nfs.gxfh3.epoch
nfs.gxfh3.reserved nfs.stateid.hash pppoe.session_id tcp.checksum tcp.checksum_calculated
tcp.flags tcp.options.experimental.exid tcp.options.mptcp.checksum tcp.options.mptcp.reserved
tcp.options.rvbd.trpy.flags udp.checksum udp.checksum_calculated
""",
    "FT_UINT24": """
eth.addr.oui eth.dst.oui eth.src.oui infiniband.aeth.msn infiniband.bth.psn
infiniband.rdeth.eecnxt tcp.options.acc_ecn.eceb tcp.options.acc_ecn.ee0b
tcp.options.acc_ecn.ee1b vxlan.vni
""",
    "FT_UINT24 hex": """
geneve.vni infiniband.bth.destqp infiniband.classportinfo.redirectfl
infiniband.classportinfo.redirectqp infiniband.classportinfo.trapfl
infiniband.classportinfo.trapqp infiniband.cm.rep.localeecn infiniband.cm.rep.localqpn
infiniband.cm.rep.startpsn infiniband.cm.req.localeecn infiniband.cm.req.localqpn
infiniband.cm.req.remoteeecn infiniband.cm.req.remoteqpneecn infiniband.cm.req.startpsn
infiniband.informinfo.producertypevendorid infiniband.informinfo.qpn
infiniband.mcmemberrecord.flowlabel infiniband.multipathrecord.flowlabel
infiniband.nodeinfo.vendorid infiniband.notice.producertypevendorid
infiniband.pathrecord.flowlabel infiniband.portinfo.linkroundtriplatency infiniband.trap.qp1
infiniband.trap.qp2 ipv6.flow ipv6.opt.ioam.trace.node.id ipv6.opt.ioam.trace.node.oss.scid
ipv6.opt.ioam.trace.type tcp.syncookie.hash
""",
    "FT_UINT32": """
frame.bblog.serial_nr frame.bblog.ticks frame.cap_len frame.cb_pen frame.interface_id
frame.interface_queue frame.len frame.number frame.packet_flags_fcs_length
frame.packet_flags_reception_type frame.packet_flags_reserved frame.pcaplog.data_length
frame.pcaplog.data_type frame.section_number infiniband.grh.flowlabel
infiniband.portcounters.portrcvdata infiniband.portcounters.portrcvpkts
infiniband.portcounters.portxmitdata infiniband.portcounters.portxmitpkts infiniband.reth.dmalen
ip.cipso.doi ip.fragment.count ip.geoip.asnum ip.geoip.dst_asnum ip.geoip.src_asnum
ip.opt.time_stamp ip.reassembled.length ipv6.fragment.count ipv6.geoip.asnum
ipv6.geoip.dst_asnum ipv6.geoip.src_asnum ipv6.opt.calipso.doi ipv6.opt.jumbo
ipv6.reassembled.length ipv6.routing.crh32.current_sid ipv6.routing.crh32.sid
ipv6.routing.rpl.cmprE ipv6.routing.rpl.cmprI ipv6.routing.rpl.pad ipv6.routing.rpl.reserved
ipv6.tclass.dscp ipv6.tclass.ecn iwarp_ddp.mo iwarp_ddp.msn iwarp_ddp.qn
iwarp_rdma.atomic.opcode iwarp_rdma.atomic.original_request_identifier
iwarp_rdma.atomic.remote_stag iwarp_rdma.atomic.request_identifier iwarp_rdma.atomic.reserved
iwarp_rdma.inval_stag iwarp_rdma.rdmardsz iwarp_rdma.send.fragment.count
iwarp_rdma.send.reassembled.length mount.export.has_options mount.flavor mount.flavors
mount.pathconf.link_max mount.procedure_sgi_v1 mount.procedure_v1 mount.procedure_v2
mount.procedure_v3 mount.status mount.statvfs.f_bavail mount.statvfs.f_bfree
mount.statvfs.f_blocks mount.statvfs.f_bsize mount.statvfs.f_favail mount.statvfs.f_ffree
mount.statvfs.f_files mount.statvfs.f_frsize mount.statvfs.f_fsid mount.statvfs.f_namemax
mpls.label nfs.acetype4 nfs.acl.flags nfs.adb.block.count nfs.adb.block.num
nfs.adb.block.reloff_num nfs.adb.pattern.reloff nfs.atime.nsec nfs.atime.sec nfs.atime.usec
nfs.attr nfs.attr_count nfs.attributes_follow nfs.bytes_per_block nfs.callback_ids
nfs.cb.operation nfs.cb_procedure nfs.content.index nfs.content.type nfs.count3
nfs.count3_dircount nfs.count3_maxcount nfs.count4 nfs.createmode nfs.createmode4 nfs.ctime.nsec
nfs.ctime.sec nfs.ctime.usec nfs.data_content nfs.delegate_type nfs.devaddr.scsi_volume_index
nfs.devaddr.scsi_volume_ref_index nfs.devaddr.scsi_volume_type nfs.devaddr.scsi_vpd_code_set
nfs.devaddr.scsi_vpd_designator_type nfs.devaddr.ssv_length nfs.devaddr.ssv_start
nfs.devaddr.ssv_stripe_unit nfs.device_error_count nfs.device_errors_index nfs.deviceidx
nfs.devicenum4 nfs.dircount nfs.dtime.nsec nfs.dtime.sec nfs.eof nfs.exchange_id.state_protect
nfs.fattr.blocks nfs.fattr.blocksize nfs.fattr.fileid nfs.fattr.gid nfs.fattr.nlink
nfs.fattr.rdev nfs.fattr.size nfs.fattr.uid nfs.fattr3.gid nfs.fattr3.nlink nfs.fattr3.type
nfs.fattr3.uid nfs.fattr4.aclsupport nfs.fattr4.change_attr_type nfs.fattr4.clone_block_size
nfs.fattr4.layout_blksize nfs.fattr4.lease_time nfs.fattr4.maxlink nfs.fattr4.maxname
nfs.fattr4.numlinks nfs.fattr4.security_label.lfs nfs.fattr4.security_label.pi
nfs.fattr4.threshold_item.hint nfs.fattr4.threshold_item.hint_count
nfs.fattr4.threshold_item.mask_count nfs.fattr4.umask nfs.ff.callback_id_index
nfs.ff.ioerrs_count nfs.ff.ioerrs_index nfs.ff.iostats_count nfs.ff.iostats_index
nfs.ff.minorversion nfs.ff.rsize nfs.ff.source_server_index nfs.ff.stats_collect_hint
nfs.ff.version nfs.ff.wsize nfs.ff_ioerrs_op nfs.fh.dirinode nfs.fh.ex.fsid nfs.fh.ex.gen
nfs.fh.ex.inode nfs.fh.export.fileid nfs.fh.fileid nfs.fh.fn nfs.fh.fn.generation
nfs.fh.fn.inode nfs.fh.fn.len nfs.fh.fsid nfs.fh.fsid.inode nfs.fh.fstype nfs.fh.handletype
nfs.fh.hp.len nfs.fh.length nfs.fh.mount.fileid nfs.fh.obj.fsid nfs.fh.obj.gen nfs.fh.obj.id
nfs.fh.obj.inode nfs.fh.pd.flags.version nfs.fh.pd.shareid nfs.fh.xfn nfs.fh.xfn.generation
nfs.fh.xfn.inode nfs.fh.xfn.len nfs.flavor4 nfs.fsinfo.dtpref nfs.fsinfo.rtmax nfs.fsinfo.rtmult
nfs.fsinfo.rtpref nfs.fsinfo.wtmax nfs.fsinfo.wtmult nfs.fsinfo.wtpref nfs.fsstat.invarsec
nfs.ftype nfs.gid3 nfs.gid4 nfs.handle_follow nfs.high_slotid nfs.hint.count nfs.hint.hint
nfs.huge_bitmap_length nfs.iomode nfs.layouttype nfs.listxattr.names.count nfs.lisxtattr.eof
nfs.lisxtattr.maxcount nfs.locktype4 nfs.main_opcode nfs.maxcount nfs.maxops4 nfs.maxreqs4
nfs.maxreqsize4 nfs.maxrespsize4 nfs.maxrespsizecached4 nfs.minorversion nfs.mode nfs.mode.name
nfs.mode3 nfs.mtime.nsec nfs.mtime.sec nfs.mtime.usec nfs.netloctype nfs.nfl_first_stripe_index
nfs.nfl_mirrors nfs.nfl_util.commit_thru_mds nfs.nfl_util.dense nfs.nfl_util.stripe_size
nfs.nfs_ftype4 nfs.nfsstat4 nfs.nfstime4.nseconds nfs.notify_type nfs.num_aces nfs.num_blocks
nfs.num_offload_status nfs.offload_status nfs.opcode nfs.open.claim_type
nfs.open.delegation_type nfs.open.limit_by nfs.open.opentype nfs.open.why_no_delegation
nfs.open4.share_access nfs.open4.share_deny nfs.ops.count nfs.padsize4 nfs.pathconf.linkmax
nfs.pathconf.name_max nfs.pathname.component.count nfs.procedure_v2 nfs.procedure_v3
nfs.procedure_v4 nfs.rdmachanattrs4 nfs.read.count nfs.read.data_length nfs.read.offset
nfs.read.totalcount nfs.readdir.cookie nfs.readdir.count nfs.readdir.entry.cookie
nfs.readdir.entry.fileid nfs.readdir.eof nfs.recalltype nfs.returntype nfs.sattrguard3
nfs.scsil_ext_state nfs.secinfo.flavor nfs.secinfo.flavor_info.rpcsec_gss_info.qop
nfs.secinfo.rpcsec_gss_info.service nfs.secinfo.style nfs.service4 nfs.set_it
nfs.setxattr.options nfs.slotid nfs.source_servers nfs.specdata1 nfs.specdata2 nfs.stable_how4
nfs.stamp4 nfs.stateid.seqid nfs.statfs.bavail nfs.statfs.bfree nfs.statfs.blocks
nfs.statfs.bsize nfs.statfs.tsize nfs.status nfs.status2 nfs.status3 nfs.target_high_slotid
nfs.type nfs.uid3 nfs.uid4 nfs.write.beginoffset nfs.write.committed nfs.write.data_length
nfs.write.offset nfs.write.stable nfs.write.totalcount nfsacl.aclcnt nfsacl.aclent.perm
nfsacl.aclent.type nfsacl.aclent.uid nfsacl.dfaclcnt nfsacl.procedure_v1 nfsacl.procedure_v2
nfsacl.procedure_v3 nlm.lock.l_len nlm.lock.l_offset nlm.lock.svid nlm.msg_in nlm.procedure_v1
nlm.procedure_v2 nlm.procedure_v3 nlm.procedure_v4 nlm.res_in nlm.share.access nlm.share.mode
nlm.stat nlm.state nlm.test_stat.stat portmap.port portmap.proc portmap.procedure_v1
portmap.procedure_v2 portmap.procedure_v3 portmap.procedure_v4 portmap.prog portmap.proto
portmap.rpcb.prog portmap.rpcb.version portmap.version rpc.argument_length rpc.array.len
rpc.auth.flavor rpc.auth.gid rpc.auth.length rpc.auth.pid rpc.auth.uid rpc.authdes.namekind
rpc.authgss.context.length rpc.authgss.data.length rpc.authgss.major rpc.authgss.minor
rpc.authgss.procedure rpc.authgss.seqnum rpc.authgss.service rpc.authgss.token_length
rpc.authgss.version rpc.authgss.window rpc.authgssapi.msgversion rpc.authgssapi.version
rpc.fraglen rpc.fragment.count rpc.msgtyp rpc.opaque_length rpc.procedure rpc.program
rpc.programversion rpc.programversion.max rpc.programversion.min rpc.reassembled.length
rpc.replystat rpc.state_accept rpc.state_auth rpc.state_reject rpc.version rpc.version.max
rpc.version.min rpcordma.errcode rpcordma.flow_control rpcordma.fragment.count rpcordma.msg_type
rpcordma.position rpcordma.rdma_align rpcordma.rdma_length rpcordma.rdma_thresh
rpcordma.reads_count rpcordma.reassembled.length rpcordma.reply_count rpcordma.segment_count
rpcordma.vers_high rpcordma.vers_low rpcordma.version rpcordma.writes_count rquota.bhardlimit
rquota.bsize rquota.bsoftlimit rquota.btimeleft rquota.curblocks rquota.curfiles
rquota.fhardlimit rquota.fsoftlimit rquota.ftimeleft rquota.id rquota.procedure_v1
rquota.procedure_v2 rquota.status rquota.type rquota.uid stat.my_id.proc stat.my_id.prog
stat.my_id.vers stat.procedure_v1 stat.stat_res.res stat.stat_res.state stat.state tcp.ack
tcp.ack_raw tcp.analysis.bytes_in_flight tcp.analysis.duplicate_ack_num
tcp.analysis.push_bytes_sent tcp.len tcp.nxtseq tcp.options.cc_value tcp.options.echo_value
tcp.options.mptcp.recvtok tcp.options.mptcp.sendrand tcp.options.mptcp.subflowseqno
tcp.options.rvbd.probe.storeid tcp.options.sack.dsack_le tcp.options.sack.dsack_re
tcp.options.sack_le tcp.options.sack_re tcp.options.timestamp.tsecr tcp.options.timestamp.tsval
tcp.options.timestamp.tsval.syncookie.timestamp tcp.pdu.size tcp.proc.dstpid tcp.proc.dstuid
tcp.proc.srcpid tcp.proc.srcuid tcp.reassembled.length tcp.segment.count tcp.seq tcp.seq_raw
tcp.stream tcp.window_size udp.pdu.size udp.proc.dstpid udp.proc.dstuid udp.proc.srcpid
udp.proc.srcuid udp.stream
""",
    "FT_UINT32 hex": """
eth.fcs frame.packet_flags frame.packet_flags_direction gre.key gtp.teid
infiniband.classportinfo.capabilitymask2 infiniband.classportinfo.redirectqkey
infiniband.classportinfo.trapqkey infiniband.cm.dreq.localcommid infiniband.cm.dreq.remotecommid
infiniband.cm.drsp.localcommid infiniband.cm.drsp.remotecommid infiniband.cm.rej.localcommid
infiniband.cm.rej.remotecommid infiniband.cm.rep infiniband.cm.rep.localqkey
infiniband.cm.rep.remotecommid infiniband.cm.req infiniband.cm.req.alt_flowlabel
infiniband.cm.req.alt_pktrate infiniband.cm.req.alt_reserved0 infiniband.cm.req.localqkey
infiniband.cm.req.prim_flowlabel infiniband.cm.req.prim_pktrate infiniband.cm.req.prim_reserved0
infiniband.cm.rtu.localcommid infiniband.cm.rtu.remotecommid infiniband.deth.srcqp
infiniband.invariant.crc infiniband.linkrecord.servicelease infiniband.mad.attributemodifier
infiniband.mcmemberrecord.q_key infiniband.nodeinfo.revision infiniband.portinfo.capabilitymask
infiniband.portinfo.capabilitymask.automaticmigrationsupported
infiniband.portinfo.capabilitymask.bootmanagementsupported
infiniband.portinfo.capabilitymask.capabilitymasknoticesupported
infiniband.portinfo.capabilitymask.clientregistrationsupported
infiniband.portinfo.capabilitymask.communicationmanagementsupported
infiniband.portinfo.capabilitymask.devicemanagementsupported
infiniband.portinfo.capabilitymask.drnoticesupported infiniband.portinfo.capabilitymask.issm
infiniband.portinfo.capabilitymask.ledinfosupported
infiniband.portinfo.capabilitymask.linkroundtriplatencysupported
infiniband.portinfo.capabilitymask.linkspeedwidthpairstablesupported
infiniband.portinfo.capabilitymask.mkeynvram infiniband.portinfo.capabilitymask.noticesupported
infiniband.portinfo.capabilitymask.optionalipdsupported
infiniband.portinfo.capabilitymask.otherlocalchangesnoticesupported
infiniband.portinfo.capabilitymask.pkeynvram
infiniband.portinfo.capabilitymask.pkeyswitchexternalporttrapsupported
infiniband.portinfo.capabilitymask.reinitsupported
infiniband.portinfo.capabilitymask.slmappingsupported
infiniband.portinfo.capabilitymask.smdisabled
infiniband.portinfo.capabilitymask.snmptunnelingsupported
infiniband.portinfo.capabilitymask.systemimageguidsupported
infiniband.portinfo.capabilitymask.trapsupported
infiniband.portinfo.capabilitymask.vendorclasssupported infiniband.reth.r_key
infiniband.rmpp.data1 infiniband.rmpp.data2 infiniband.rmpp.newwindowlast
infiniband.rmpp.payloadlength infiniband.rmpp.segmentnumber infiniband.sminfo.actcount
infiniband.trap.attributemodifier infiniband.trap.capabilitymask infiniband.trap.key
ip.opt.qs_nonce ip.opt.qs_reserved ipv6.fraghdr.ident ipv6.opt.ioam.trace.node.bufoccup
ipv6.opt.ioam.trace.node.csum ipv6.opt.ioam.trace.node.eif_wide
ipv6.opt.ioam.trace.node.iif_wide ipv6.opt.ioam.trace.node.nsdata
ipv6.opt.ioam.trace.node.qdepth ipv6.opt.ioam.trace.node.trdelay ipv6.opt.ioam.trace.node.tsf
ipv6.opt.ioam.trace.node.tss ipv6.opt.ioam.trace.node.undefined ipv6.opt.qs_nonce
ipv6.opt.qs_reserved ipv6.opt.tpf_information ipv6.tclass iwarp_ddp.stag iwarp_mpa.crc
iwarp_mpa.crc_check iwarp_rdma.sinkstag iwarp_rdma.srcstag mount.statvfs.f_flag nfs.ace_perm4
nfs.aceflags4 nfs.acemask4 nfs.adb.pattern_hash nfs.attr_mask nfs.bctsa_dir nfs.bctsr_dir
nfs.callback.ident nfs.cb_program nfs.create_session_flags nfs.exchange_id.call_flags
nfs.exchange_id.reply_flags nfs.fattr.fsid nfs.fattr4.fs_charset_cap
nfs.fattr4.threshold_item.hint_mask nfs.fattr4_fh_expire_type nfs.ff.layout_flags
nfs.fh.dc.exportid nfs.fh.dentry nfs.fh.export.generation nfs.fh.flag nfs.fh.generation
nfs.fh.hash nfs.fh.mount.generation nfs.fh.pd.flags nfs.fh.pd.flags.reserved nfs.fh.pinode
nfs.fsinfo.properties nfs.gxfh3.exportptid nfs.gxfh3.exportptuid nfs.gxfh3.ldsid
nfs.gxfh3.spinfid nfs.gxfh3.spinfuid nfs.hint.mask nfs.lock_seqid nfs.nff_mirror_eff nfs.nfl_fhs
nfs.nfl_util nfs.notify_mask nfs.op_mask nfs.open_rflags nfs.prot_info4_encr_alg
nfs.prot_info4_hash_alg nfs.prot_info4_spi_window nfs.prot_info4_svv_length nfs.seqid
nfs.sequence.flags nfs.state_protect_num_gss_handles nfs.state_protect_window
nfs.stateid.other_hash nfs.want nfs.want_notification nfsacl.mask rpc.auth.flags rpc.auth.stamp
rpc.authdes.nickname rpc.authdes.window rpc.authdes.windowverf rpc.xid rpcordma.rdma_handle
rpcordma.xid
""",
    "FT_UINT56 hex": """
ipv6.opt.ioam.trace.node.id_wide
""",
    "FT_UINT64": """
frame.drop_count frame.packet_id infiniband.atomicacketh.origremdt infiniband.atomiceth.cmpdt
infiniband.atomiceth.swapdt infiniband.portcounters_ext.portmulticastrcvpkts
infiniband.portcounters_ext.portmulticastxmitpkts infiniband.portcounters_ext.portrcvdata
infiniband.portcounters_ext.portrcvpkts infiniband.portcounters_ext.portunicastrcvpkts
infiniband.portcounters_ext.portunicastxmitpkts infiniband.portcounters_ext.portxmitdata
infiniband.portcounters_ext.portxmitpkts iwarp_rdma.atomic.add_data
iwarp_rdma.atomic.compare_data iwarp_rdma.atomic.original_remote_data_value
iwarp_rdma.atomic.remote_tagged_offset iwarp_rdma.atomic.swap_data nfs.bytes_copied
nfs.changeid4 nfs.changeid4.after nfs.changeid4.before nfs.cookie3 nfs.cookie4 nfs.cookie_verf4
nfs.fattr3.fileid nfs.fattr3.size nfs.fattr3.used nfs.fattr4.fileid nfs.fattr4.files_avail
nfs.fattr4.files_free nfs.fattr4.files_total nfs.fattr4.maxfilesize nfs.fattr4.maxread
nfs.fattr4.maxwrite nfs.fattr4.quota_hard nfs.fattr4.quota_soft nfs.fattr4.quota_used
nfs.fattr4.size nfs.fattr4.space_avail nfs.fattr4.space_free nfs.fattr4.space_freed
nfs.fattr4.space_total nfs.fattr4.space_used nfs.ff.bytes_completed nfs.ff.bytes_not_delivered
nfs.ff.bytes_requested nfs.ff.ioerrs_length nfs.ff.ioerrs_offset nfs.ff.ops_completed
nfs.ff.ops_requested nfs.fh.pd.container nfs.fh.pd.inum nfs.fh.pd.spaces.container nfs.filesize
nfs.fsid4.major nfs.fsid4.minor nfs.fsinfo.maxfilesize nfs.fsstat3_resok.abytes
nfs.fsstat3_resok.afiles nfs.fsstat3_resok.fbytes nfs.fsstat3_resok.ffiles
nfs.fsstat3_resok.tbytes nfs.fsstat3_resok.tfiles nfs.io_bytes nfs.io_count nfs.length4
nfs.lisxtattr.cookie nfs.minlength4 nfs.minorid4 nfs.nfstime4.seconds nfs.offset3 nfs.offset4
nfs.readdir.entry3.cookie nfs.readdir.entry3.fileid nfs.readdirplus.entry.cookie
nfs.readdirplus.entry.fileid nfs.scsil_ext_file_offset nfs.scsil_ext_length
nfs.scsill_ext_vol_offset nfs.set_size nfs.stripeunit nfs.wcc_attr.size nlm.lock.l_len64
nlm.lock.l_offset64 tcp.options.mptcp.addaddrtrunchmac tcp.options.mptcp.rawdataack
tcp.options.mptcp.rawdataseqno tcp.options.mptcp.recvkey tcp.options.mptcp.sendkey
tcp.options.mptcp.sendtrunchmac
""",
    "FT_UINT64 hex": """
infiniband.cm.rep.localcaguid infiniband.cm.req.localcaguid infiniband.cm.req.serviceid
infiniband.deth.q_key infiniband.linkrecord.serviceid infiniband.mad.transactionid
infiniband.nodeinfo.nodeguid infiniband.nodeinfo.portguid infiniband.nodeinfo.systemimageguid
infiniband.portinfo.guid infiniband.portinfo.m_key infiniband.reth.va
infiniband.sa.componentmask infiniband.sa.smkey infiniband.sminfo.guid infiniband.sminfo.sm_key
infiniband.smpdirected.d infiniband.smplid.mkey infiniband.switchinfo.guid
infiniband.tracerecord.chassisid infiniband.tracerecord.entryportid
infiniband.tracerecord.exitportid infiniband.tracerecord.gidprefix infiniband.tracerecord.nodeid
infiniband.trap.comp_mask infiniband.trap.mkey infiniband.trap.systemimageguid
ipv6.opt.ioam.trace.node.nsdata_wide iwarp_ddp.tagged_offset iwarp_rdma.atomic.add_mask
iwarp_rdma.atomic.compare_mask iwarp_rdma.atomic.swap_mask iwarp_rdma.sinkto iwarp_rdma.srcto
nfs.clientid nfs.fattr3.fsid nfs.fattr4.mounted_on_fileid nfs.fh.pd.sites nfs.fh.pd.sites.inum
nfs.fh.pd.spaces nfs.verifier4 rpc.authdes.convkey rpc.authdes.timestamp rpc.authdes.timeverf
rpcordma.rdma_offset
""",
    "FT_UINT8": """
eth.fcs.status infiniband.aeth.syndrome infiniband.aeth.syndrome.credit_count
infiniband.aeth.syndrome.error_code infiniband.aeth.syndrome.opcode
infiniband.aeth.syndrome.reserved infiniband.aeth.syndrome.reserved_value
infiniband.aeth.syndrome.timer infiniband.bth.opcode infiniband.bth.padcnt
infiniband.bth.reserved7 infiniband.bth.tver infiniband.grh.hoplmt infiniband.grh.ipver
infiniband.grh.nxthdr infiniband.lrh.lver infiniband.lrh.reserved2 infiniband.lrh.sl
infiniband.portcounters.excessivebufferoverrunerrors infiniband.portcounters.linkdownedcounter
infiniband.portcounters.linkerrorrecoverycounter
infiniband.portcounters.locallinkintegrityerrors infiniband.portcounters.portrcvconstrainterrors
infiniband.portcounters.portxmitconstrainterrors ip.checksum.status ip.cipso.sensitivity_level
ip.cipso.tag_type ip.dsfield.dscp ip.dsfield.ecn ip.hdr_len ip.opt.len ip.opt.overflow
ip.opt.ptr ip.opt.qs_func ip.opt.qs_rate ip.opt.qs_ttl ip.opt.qs_ttl_diff ip.opt.qs_unused
ip.opt.type ip.opt.type.class ip.opt.type.number ip.proto ip.tos ip.tos.precedence ip.ttl
ip.version ipv6.dstopts.len ipv6.dstopts.nxt ipv6.fraghdr.nxt ipv6.hlim ipv6.hopopts.len
ipv6.hopopts.nxt ipv6.nxt ipv6.opt.calipso.cmpt.length ipv6.opt.calipso.sens_level
ipv6.opt.dff.flag.ver ipv6.opt.ioam.opt_type ipv6.opt.ioam.rsv ipv6.opt.ioam.trace.node.hlim
ipv6.opt.ioam.trace.node.oss.len ipv6.opt.ioam.trace.nodelen ipv6.opt.ioam.trace.remlen
ipv6.opt.ioam.trace.rsv ipv6.opt.length ipv6.opt.lio.length ipv6.opt.mpl.flag.s
ipv6.opt.pdm.scale_dtlr ipv6.opt.pdm.scale_dtls ipv6.opt.qs_func ipv6.opt.qs_rate
ipv6.opt.qs_ttl ipv6.opt.qs_ttl_diff ipv6.opt.qs_unused ipv6.opt.smf_dpd.tid_len
ipv6.opt.smf_dpd.tid_type ipv6.opt.tel ipv6.opt.type.action ipv6.routing.len ipv6.routing.nxt
ipv6.routing.segleft ipv6.routing.srh.last_entry ipv6.routing.type ipv6.version iwarp_ddp.dv
iwarp_mpa.rev iwarp_rdma.version nfs.fh.auth_type nfs.fh.dc.type nfs.fh.export.snapid
nfs.fh.fileid_type nfs.fh.fsid_type nfs.fh.snapid nfs.fh.unused nfs.fh.version
tcp.checksum.status tcp.completeness tcp.flags.ace tcp.hdr_len tcp.option_kind tcp.option_len
tcp.options.ao.keyid tcp.options.ao.rnextkeyid tcp.options.mptcp.addrid
tcp.options.mptcp.backup.flag tcp.options.mptcp.checksumreq.flags
tcp.options.mptcp.dataack8.flag tcp.options.mptcp.dataackpresent.flag
tcp.options.mptcp.datafin.flag tcp.options.mptcp.dseqn8.flag tcp.options.mptcp.dseqnpresent.flag
tcp.options.mptcp.echo tcp.options.mptcp.extensibility.flag tcp.options.mptcp.ipver
tcp.options.mptcp.nomoresubflows.flag tcp.options.mptcp.sha1.flag tcp.options.mptcp.sha256.flag
tcp.options.mptcp.subtype tcp.options.mptcp.version tcp.options.qs.rate tcp.options.qs.ttl_diff
tcp.options.rvbd.probe.type1 tcp.options.rvbd.probe.type2 tcp.options.rvbd.probe.version
tcp.options.rvbd.probe.version_raw tcp.options.sack.count tcp.options.scps.binding
tcp.options.scps.binding.id tcp.options.scps.binding.len tcp.options.scpsflags.reserved
tcp.options.tar.reserved tcp.options.tarr.rate tcp.options.timestamp.tsval.syncookie.wscale
tcp.options.wscale.shift tcp.syncookie.mss tcp.syncookie.time udp.checksum.status
""",
    "FT_UINT8 hex": """
infiniband.classportinfo.baseversion infiniband.classportinfo.classversion
infiniband.classportinfo.redirectsl infiniband.classportinfo.redirecttc
infiniband.classportinfo.reserved infiniband.classportinfo.resptimevalue
infiniband.classportinfo.trapsl infiniband.classportinfo.traptc infiniband.cm.rej.msgrej
infiniband.cm.rej.rejinfolen infiniband.cm.rej.reserved0 infiniband.cm.rej.reserved1
infiniband.cm.rep.e2eflowctrl infiniband.cm.rep.failoveracc infiniband.cm.rep.initdepth
infiniband.cm.rep.reserved infiniband.cm.rep.respres infiniband.cm.rep.rnrretrcount
infiniband.cm.rep.srq infiniband.cm.rep.tgtackdelay infiniband.cm.req.alt_hoplim
infiniband.cm.req.alt_localacktout infiniband.cm.req.alt_reserved1 infiniband.cm.req.alt_sl
infiniband.cm.req.alt_subnetlocal infiniband.cm.req.alt_tfcclass infiniband.cm.req.e2eflowctrl
infiniband.cm.req.ext_transport infiniband.cm.req.initdepth infiniband.cm.req.ip_cm.ipv
infiniband.cm.req.ip_cm.majv infiniband.cm.req.ip_cm.minv infiniband.cm.req.ip_cm.reserved
infiniband.cm.req.localresptout infiniband.cm.req.maxcmretr infiniband.cm.req.pppmtu
infiniband.cm.req.prim_hoplim infiniband.cm.req.prim_localacktout
infiniband.cm.req.prim_reserved1 infiniband.cm.req.prim_reserved2 infiniband.cm.req.prim_sl
infiniband.cm.req.prim_subnetlocal infiniband.cm.req.prim_tfcclass infiniband.cm.req.rdcexist
infiniband.cm.req.remoteresptout infiniband.cm.req.responderres infiniband.cm.req.retrcount
infiniband.cm.req.rnrretrcount infiniband.cm.req.serviceid.protocol infiniband.cm.req.srq
infiniband.cm.req.transpsvctype infiniband.informinfo.isgeneric
infiniband.informinfo.resptimevalue infiniband.informinfo.subscribe infiniband.ledinfo.ledmask
infiniband.linearforwardingtable.port infiniband.linkrecord.fromport
infiniband.linkrecord.toport infiniband.linkspeedwidthpairstable.numtables
infiniband.linkspeedwidthpairstable.speedfive infiniband.linkspeedwidthpairstable.speedten
infiniband.linkspeedwidthpairstable.speedtwofive infiniband.lrh.lnh infiniband.lrh.vl
infiniband.mad.baseversion infiniband.mad.classversion infiniband.mad.method
infiniband.mad.mgmtclass infiniband.mcmemberrecord.hoplimit infiniband.mcmemberrecord.joinstate
infiniband.mcmemberrecord.mtu infiniband.mcmemberrecord.mtuselector
infiniband.mcmemberrecord.packetlifetime infiniband.mcmemberrecord.packetlifetimeselector
infiniband.mcmemberrecord.proxyjoin infiniband.mcmemberrecord.rate
infiniband.mcmemberrecord.rateselector infiniband.mcmemberrecord.scope
infiniband.mcmemberrecord.sl infiniband.mcmemberrecord.tclass
infiniband.multipathrecord.dgidcount infiniband.multipathrecord.gidscope
infiniband.multipathrecord.hoplimit infiniband.multipathrecord.independenceselector
infiniband.multipathrecord.mtu infiniband.multipathrecord.mtuselector
infiniband.multipathrecord.numbpath infiniband.multipathrecord.packetlifetime
infiniband.multipathrecord.packetlifetimeselector infiniband.multipathrecord.rate
infiniband.multipathrecord.rateselector infiniband.multipathrecord.rawtraffic
infiniband.multipathrecord.reversible infiniband.multipathrecord.sgidcount
infiniband.multipathrecord.sl infiniband.multipathrecord.tclass infiniband.nodeinfo.baseversion
infiniband.nodeinfo.classversion infiniband.nodeinfo.localportnum infiniband.nodeinfo.nodetype
infiniband.nodeinfo.numports infiniband.notice.isgeneric infiniband.notice.noticetoggle
infiniband.notice.type infiniband.p_keytable.membershiptype infiniband.pathrecord.hoplimit
infiniband.pathrecord.mtu infiniband.pathrecord.mtuselector infiniband.pathrecord.numbpath
infiniband.pathrecord.packetlifetime infiniband.pathrecord.packetlifetimeselector
infiniband.pathrecord.preference infiniband.pathrecord.rate infiniband.pathrecord.rateselector
infiniband.pathrecord.rawtraffic infiniband.pathrecord.reversible infiniband.pathrecord.tclass
infiniband.portcounters.portselect infiniband.portcounters_ext.portselect
infiniband.portinfo.clientreregister infiniband.portinfo.filterrawinbound
infiniband.portinfo.filterrawoutbound infiniband.portinfo.guidcap infiniband.portinfo.hoqlife
infiniband.portinfo.inittype infiniband.portinfo.inittypereply
infiniband.portinfo.linkdowndefaultstate infiniband.portinfo.linkspeedactive
infiniband.portinfo.linkspeedenabled infiniband.portinfo.linkspeedsupported
infiniband.portinfo.linkwidthactive infiniband.portinfo.linkwidthenabled
infiniband.portinfo.linkwidthsupported infiniband.portinfo.lmc
infiniband.portinfo.localphyerrors infiniband.portinfo.localportnum
infiniband.portinfo.m_keyprotectbits infiniband.portinfo.mastersmsl infiniband.portinfo.mtucap
infiniband.portinfo.neighbormtu infiniband.portinfo.operationalvls
infiniband.portinfo.overrunerrors infiniband.portinfo.partitionenforcementinbound
infiniband.portinfo.partitionenforcementoutbound infiniband.portinfo.portphysicalstate
infiniband.portinfo.portstate infiniband.portinfo.resptimevalue
infiniband.portinfo.subnettimeout infiniband.portinfo.vlarbitrationhighcap
infiniband.portinfo.vlarbitrationlowcap infiniband.portinfo.vlcap
infiniband.portinfo.vlhighlimit infiniband.portinfo.vlstallcount
infiniband.randomforwardingtable.lmc infiniband.randomforwardingtable.port
infiniband.randomforwardingtable.valid infiniband.rmpp.rmppflags infiniband.rmpp.rmppstatus
infiniband.rmpp.rmpptype infiniband.rmpp.rmppversion infiniband.rmpp.rresptime
infiniband.sa.blocknum_eightbit infiniband.sa.inputportnum infiniband.sa.outputportnum
infiniband.sa.portnum infiniband.sa.position infiniband.sltovlmappingtable.sltovlhighbits
infiniband.sltovlmappingtable.sltovllowbits infiniband.sminfo.priority infiniband.sminfo.smstate
infiniband.smpdirected.hopcount infiniband.smpdirected.hoppointer
infiniband.switchinfo.defaultmulticastnotprimaryport
infiniband.switchinfo.defaultmulticastprimaryport infiniband.switchinfo.defaultport
infiniband.switchinfo.enhancedportzero infiniband.switchinfo.filterrawinboundcap
infiniband.switchinfo.filterrawoutboundcap infiniband.switchinfo.inboundenforcementcap
infiniband.switchinfo.lifetimevalue infiniband.switchinfo.optimizedsltovlmappingprogramming
infiniband.switchinfo.outboundenforcementcap infiniband.switchinfo.portstatechange
infiniband.tracerecord.entryport infiniband.tracerecord.exitport infiniband.tracerecord.nodetype
infiniband.trap.drhopcount infiniband.trap.drnotice infiniband.trap.drpathtruncated
infiniband.trap.linkspeecenabledchange infiniband.trap.linkwidthenabledchange
infiniband.trap.method infiniband.trap.nodedescriptionchange infiniband.trap.otherlocalchanges
infiniband.trap.portno infiniband.trap.sl infiniband.trap.wait_for_repath
infiniband.vlarbitrationtable.vl infiniband.vlarbitrationtable.weight ip.dsfield ip.flags
ip.opt.ext_sec_add_sec_info_format_code ip.opt.flag ip.opt.sec_cl ip.opt.sec_prot_auth_flags
ip.opt.sec_prot_auth_unassigned ipv6.fraghdr.reserved_octet ipv6.opt.dff.flag.rsv
ipv6.opt.dff.flags ipv6.opt.mpl.flag ipv6.opt.mpl.flag.rsv ipv6.opt.mpl.sequence
ipv6.opt.rpl.flag ipv6.opt.rpl.flag.rsv ipv6.opt.rpl.instance_id ipv6.opt.type
ipv6.opt.type.rest ipv6.routing.srh.flags iwarp_ddp.rsvd iwarp_mpa.res iwarp_rdma.opcode
iwarp_rdma.rsv iwarp_rdma.term_errcode iwarp_rdma.term_errcode_ddp_tagged
iwarp_rdma.term_errcode_ddp_untagged iwarp_rdma.term_errcode_llp iwarp_rdma.term_errcode_rdma
iwarp_rdma.term_etype iwarp_rdma.term_etype_ddp iwarp_rdma.term_etype_llp
iwarp_rdma.term_etype_rdma iwarp_rdma.term_layer mount.pathconf.vdisable_char nfs.access_check
nfs.access_rights nfs.access_supported nfs.gxfh3.sfhflags nfs.gxfh3.sfhflags.ontap7g
nfs.gxfh3.sfhflags.ontapgx nfs.gxfh3.sfhflags.reserv2 nfs.gxfh3.sfhflags.reserve1
nfs.gxfh3.utility nfs.gxfh3.utlfield.version nfs.gxfh3.volcnt tcp.options.mptcp.flags
tcp.options.mptcp.reserved.flag tcp.options.mptcp.rst_reason tcp.options.rvbd.probe.flags
tcp.options.rvbd.probe.reserved tcp.options.scps.vector
""",
}
