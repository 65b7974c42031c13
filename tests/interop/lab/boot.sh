# The guest's first process, after the initramfs: mounts, addresses, soft-RoCE, then the agent.
# Settings come as lab.NAME=VALUE on the kernel's command line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for folder in /dev/shm /run /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
for setting in $(cat /proc/cmdline); do
    case $setting in lab.*) export "lab_${setting#lab.}" ;; esac
done

hostname "$lab_name"
"$lab_python" -ISu /guest/agent.py &

# The kernel's own requests for modules (crypto of rxe, file systems of mount) go through this.
echo /sbin/modprobe >/proc/sys/kernel/modprobe
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
    net.ipv6.conf.default.accept_ra=0
ip link set lo up
ip link set eth0 mtu "$lab_mtu" up
ip addr add "$lab_ipv4" dev eth0
ip addr add "$lab_ipv6" dev eth0 nodad
modprobe -a rdma_rxe rdma_ucm ib_uverbs && rdma link add rxe0 type rxe netdev eth0
echo $? >/run/lab-ready

# With lab.shell=ROWSxCOLUMNS a person sits at the console, and its end is the guest's.
if [ "$lab_shell" ]; then
    cd /root
    setsid --ctty sh -c "stty rows ${lab_shell%x*} cols ${lab_shell#*x}; exec bash -i" \
        </dev/ttyS0 >/dev/ttyS0 2>&1
    poweroff -f
fi

# Reap whatever is left behind; the agent's end is the guest's.
wait $!
poweroff -f
