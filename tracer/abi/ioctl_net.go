package abi

import "strings"

// The sizes of the structs of netdevice(7).
const (
	ifreqSize  = 40
	arpreqSize = 68
	ifconfSize = 16
)

// Sockets and network devices (man 7 netdevice, socket, unix, ip, arp, tcp). What
// hangs further structs on ifr_data is not here: it comes home.
var netIoctls = append([]ioctlRow{
	{cmd: 0x8901, name: "FIOSETOWN", dir: In, size: 4},
	{cmd: 0x8902, name: "SIOCSPGRP", dir: In, size: 4},
	{cmd: 0x8903, name: "FIOGETOWN", dir: InOut, size: 4},
	{cmd: 0x8904, name: "SIOCGPGRP", dir: InOut, size: 4},
	{cmd: 0x8905, name: "SIOCATMARK", dir: InOut, size: 4},
	{cmd: 0x8906, name: "SIOCGSTAMP_OLD", dir: InOut, size: 16},
	{cmd: 0x8907, name: "SIOCGSTAMPNS_OLD", dir: InOut, size: 16},
	{cmd: 0x80108906, name: "SIOCGSTAMP_NEW", dir: InOut, size: 16},
	{cmd: 0x80108907, name: "SIOCGSTAMPNS_NEW", dir: InOut, size: 16},
	{cmd: 0x894b, name: "SIOCOUTQNSD", dir: InOut, size: 4},
	{cmd: 0x894c, name: "SIOCGSKNS"},
	{cmd: 0x89e0, name: "SIOCUNIXFILE"},
	{cmd: 0x8912, name: "SIOCGIFCONF", plan: ifconfArg},
	{cmd: 0x8953, name: "SIOCDARP", dir: In, size: arpreqSize},
	{cmd: 0x8954, name: "SIOCGARP", dir: InOut, size: arpreqSize},
	{cmd: 0x8955, name: "SIOCSARP", dir: In, size: arpreqSize},
	{cmd: 0x8b01, name: "SIOCGIWNAME", dir: InOut, size: 32},
	{cmd: 0x400454ca, name: "TUNSETIFF", dir: InOut, size: ifreqSize},
	{cmd: 0x400454cb, name: "TUNSETPERSIST"},
	{cmd: 0x400454cc, name: "TUNSETOWNER"},
	{cmd: 0x400454c8, name: "TUNSETNOCSUM"},
	{cmd: 0x400454cd, name: "TUNSETLINK"},
	{cmd: 0x400454ce, name: "TUNSETGROUP"},
	{cmd: 0x800454cf, name: "TUNGETFEATURES", dir: InOut, size: 4},
	{cmd: 0x400454d0, name: "TUNSETOFFLOAD"},
	{cmd: 0x800454d2, name: "TUNGETIFF", dir: InOut, size: ifreqSize},
	{cmd: 0x800454d3, name: "TUNGETSNDBUF", dir: InOut, size: 4},
	{cmd: 0x400454d4, name: "TUNSETSNDBUF", dir: In, size: 4},
	{cmd: 0x800454d7, name: "TUNGETVNETHDRSZ", dir: InOut, size: 4},
	{cmd: 0x400454d8, name: "TUNSETVNETHDRSZ", dir: In, size: 4},
	{cmd: 0x400454d9, name: "TUNSETQUEUE", dir: In, size: ifreqSize},
}, ifreqIoctls()...)

// ifreqIoctls are the commands on a flat struct ifreq. Those that set something do
// not write it back.
func ifreqIoctls() []ioctlRow {
	names := map[uint32]string{
		0x8910: "SIOCGIFNAME", 0x8913: "SIOCGIFFLAGS", 0x8914: "SIOCSIFFLAGS", 0x8915: "SIOCGIFADDR", 0x8916: "SIOCSIFADDR",
		0x8917: "SIOCGIFDSTADDR", 0x8918: "SIOCSIFDSTADDR", 0x8919: "SIOCGIFBRDADDR", 0x891a: "SIOCSIFBRDADDR",
		0x891b: "SIOCGIFNETMASK", 0x891c: "SIOCSIFNETMASK", 0x891d: "SIOCGIFMETRIC", 0x891e: "SIOCSIFMETRIC",
		0x891f: "SIOCGIFMEM", 0x8921: "SIOCGIFMTU", 0x8922: "SIOCSIFMTU", 0x8923: "SIOCSIFNAME", 0x8924: "SIOCSIFHWADDR",
		0x8927: "SIOCGIFHWADDR", 0x8931: "SIOCADDMULTI", 0x8932: "SIOCDELMULTI", 0x8933: "SIOCGIFINDEX",
		0x8935: "SIOCGIFPFLAGS", 0x8942: "SIOCGIFTXQLEN", 0x8943: "SIOCSIFTXQLEN", 0x8970: "SIOCGIFMAP",
		0x8947: "SIOCGMIIPHY", 0x8948: "SIOCGMIIREG",
	}
	rows := make([]ioctlRow, 0, len(names))
	for cmd, name := range names {
		dir := InOut
		if !strings.HasPrefix(name, "SIOCG") {
			dir = In
		}
		rows = append(rows, ioctlRow{cmd: cmd, name: name, dir: dir, size: ifreqSize})
	}
	return rows
}

// ifconfArg shapes struct ifconf {length, pointer to that many bytes}. With a null
// pointer the kernel tells the length alone.
func ifconfArg(p *planner, i int) {
	r, words := p.header(Addr(p.args[i]), ifconfSize, InOut, arg(i), comesBack(InOut))
	if words == nil || int32(u32(words, 0)) <= 0 {
		return
	}
	n := uint64(u32(words, 0))
	p.region(Addr(u64(words, 8)), n, Out, Pointer{r, 8}, OutRule{Kind: OutLenAt, LenAt: r})
}
