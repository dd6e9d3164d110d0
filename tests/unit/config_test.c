/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY
#define AT      "%s:"
/* Nine ids of USB. */
#define ID(v, d) "12" v ":000" d ","
#define IDS(v)   ID(v, "1") ID(v, "2") ID(v, "3") ID(v, "4") ID(v, "5") ID(v, "6") ID(v, "7") ID(v, "8") "12" v ":0009"
/* A text with its length, so that it may hold a NUL. */
#define TEXT(text) text, sizeof(text) - 1

static char directory[256];
static char file[280];

static void make_directory(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/config-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/c.conf", directory);
}

static void remove_directory(void)
{
	unlink(file);
	rmdir(directory);
}

static void write_file(const char *text, size_t length)
{
	FILE *stream = fopen(file, "we");
	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(text, 1, length, stream), length);
	ck_assert_int_eq(fclose(stream), 0);
}

static struct config load_good(const char *text, size_t length)
{
	struct config config;
	char error[1024] = "";
	write_file(text, length);
	int result = config_load(file, &config, error, sizeof(error));
	ck_assert_msg(result == 0, "%s", error);
	return config;
}

/* What is after "%s:" in the expected error is the line and the rest. */
static const struct bad_text {
	const char *text;
	size_t length;
	const char *error;
} bad_texts[] = {
    {TEXT("x = 1\n"), AT "1: x: the key stands before any [section]"},
    {TEXT("[daemon]\n\nstatedir = /x\n"), AT "3: [daemon] statedir: there is no such key"},
    {TEXT("[demon]\n"), AT "1: [demon]: there is no such section"},
    {TEXT("[]\n"), AT "1: []: there is no such section"},
    {TEXT("[daemon x]\n"), AT "1: [daemon x]: [daemon] takes no name"},
    {TEXT("[jobs]\n[http]\n[jobs]\n"), AT "3: [jobs]: the section is already in line 1"},
    {TEXT("[daemon\n"), AT "1: the section has no ]"},
    {TEXT("[daemon] x\n"), AT "1: there is more in the line than a section"},
    {TEXT("[device " HUNDRED FIFTY "]\n"), AT "1: the section's name is longer than 127 bytes"},
    {TEXT("[jobs]\nattempts\n"), AT "2: this is neither [section] nor key = value"},
    {TEXT("[jobs]\nattempts\nattempts = x\n"), AT "2: this is neither [section] nor key = value"},
    {TEXT("[jobs]\nattempts = x\nattempts\n"), AT "2: [jobs] attempts: \"x\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nattempts = 2\nattempts = 2\n"), AT "3: [jobs] attempts: the key is there twice"},
    {TEXT("[jobs]\nattempts = 1\n 2\n"), AT "3: this is neither [section] nor key = value"},
    {TEXT("[jobs]\nattempts = 0\n"), AT "2: [jobs] attempts: \"0\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nattempts = 101\n"), AT "2: [jobs] attempts: \"101\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nattempts = -1\n"), AT "2: [jobs] attempts: \"-1\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nattempts = 3x\n"), AT "2: [jobs] attempts: \"3x\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nattempts =\n"), AT "2: [jobs] attempts: \"\" is not a number from 1 to 100"},
    {TEXT("[jobs]\nmax_parallel = 99999999999999999999\n"),
     AT "2: [jobs] max_parallel: \"99999999999999999999\" is not a number from 1 to 1024"},
    {TEXT("[http]\nmax_event_clients = 16385\n"), AT "2: [http] max_event_clients: \"16385\" is not a number from 1 to 16384"},
    {TEXT("[daemon]\nlog_level = loud\n"), AT "2: [daemon] log_level: \"loud\" is none of error, warning, info, debug"},
    {TEXT("[daemon]\nstate_dir = here\n"), AT "2: [daemon] state_dir: \"here\" is not an absolute path"},
    {TEXT("[daemon]\ncache_dir =\n"), AT "2: [daemon] cache_dir: \"\" is not an absolute path"},
    {TEXT("[http]\ntoken_file = t\n"), AT "2: [http] token_file: \"t\" is not an absolute path"},
    {TEXT("[daemon]\nstate_dir = /" HUNDRED HUNDRED "\n"), AT "2: the line is longer than 197 bytes"},
    {TEXT("[daemon]\nlog_level = in\0fo\n"), AT "2: there is a NUL or a carriage return in the line: this is not a text file"},
    {TEXT("[daemon]\nlog_level = info\r[http]\n"), AT "2: there is a NUL or a carriage return in the line: this is not a text file"},
    {TEXT("[firmware]\nmax_size = 0\n"), AT "2: [firmware] max_size: \"0\" is not a size: write bytes, or a number with K, M, G or T"},
    {TEXT("[firmware]\nmax_size = M\n"), AT "2: [firmware] max_size: \"M\" is not a size: write bytes, or a number with K, M, G or T"},
    {TEXT("[firmware]\nmax_size = 64MB\n"),
     AT "2: [firmware] max_size: \"64MB\" is not a size: write bytes, or a number with K, M, G or T"},
    {TEXT("[firmware]\nquota = -4G\n"), AT "2: [firmware] quota: \"-4G\" is not a size: write bytes, or a number with K, M, G or T"},
    {TEXT("[firmware]\nquota = 8388608T\n"), AT "2: [firmware] quota: \"8388608T\" is more than any disk has"},
    {TEXT("[firmware]\nrequire_signature = 1\n"), AT "2: [firmware] require_signature: \"1\" is neither yes nor no"},
    {TEXT("[download]\nallow_http = 1\n"), AT "2: [download] allow_http: \"1\" is neither yes nor no"},
    {TEXT("[download]\nproxy = alice:pass@proxy\n"),
     AT "2: [download] proxy: a proxy begins with http://, https://, socks5:// or socks5h://"},
    {TEXT("[download]\nproxy = http://\n"), AT "2: [download] proxy: a proxy begins with http://, https://, socks5:// or socks5h://"},
    {TEXT("[download]\nca_file = ca.pem\n"), AT "2: [download] ca_file: \"ca.pem\" is not an absolute path"},
    {TEXT("[download]\nmax_redirects = 51\n"), AT "2: [download] max_redirects: \"51\" is not a number from 0 to 50"},
    {TEXT("[download]\nstall_s = 0\n"), AT "2: [download] stall_s: \"0\" is not a number from 1 to 3600"},
    {TEXT("[download]\nattempts = 0\n"), AT "2: [download] attempts: \"0\" is not a number from 1 to 100"},
    {TEXT("[download]\nmax_parallel = 65\n"), AT "2: [download] max_parallel: \"65\" is not a number from 1 to 64"},
    {TEXT("[host]\n"), AT "1: [host]: a host is a name or an address, with :port where it is meant for one port only"},
    {TEXT("[host a b]\n"), AT "1: [host a b]: a host is a name or an address, with :port where it is meant for one port only"},
    {TEXT("[host http://a]\n"), AT "1: [host http://a]: a host is a name or an address, with :port where it is meant for one port only"},
    {TEXT("[host a:0]\n"), AT "1: [host a:0]: a host is a name or an address, with :port where it is meant for one port only"},
    {TEXT("[host a:65536]\n"), AT "1: [host a:65536]: a host is a name or an address, with :port where it is meant for one port only"},
    {TEXT("[host [::1]\n"), AT "1: the section has no ]"},
    {TEXT("[host a.b]\nuser = x\n[host A.B]\n"), AT "3: [host A.B]: the host is already in line 1"},
    {TEXT("[host a]\ncookie = x\n"), AT "2: [host a] cookie: there is no such key"},
    {TEXT("[host a]\nuser = a:b\n"), AT "2: [host a] user: a user has no colon"},
    {TEXT("[host a]\ntoken = a b\n"), AT "2: [host a] token: it has a character that is not printable ASCII, or a blank"},
    {TEXT("[host a]\nuser = " HUNDRED FIFTY "\n"), AT "2: [host a] user: has at most 127 bytes"},
    {TEXT("[daemon]\n[host a]\nuser = u\ntoken = t\n"), AT "2: [host a] user and token are two ways to say who asks: give one of them"},
    {TEXT("[host a]\npassword = p\n"), AT "1: [host a] there is a password and no user"},
    {TEXT("[host a]\nclient_cert = /etc/passwd\n"), AT "1: [host a] client_cert and client_key go together"},
    {TEXT("[host a]\nclient_key = /etc/passwd\n"), AT "1: [host a] client_cert and client_key go together"},
    {TEXT("[hotplug]\nenabled = maybe\n"), AT "2: [hotplug] enabled: \"maybe\" is neither yes nor no"},
    {TEXT("[http]\nlisten =\n"), AT "2: [http] listen: an address is missing"},
    {TEXT("[http]\nlisten = 127.0.0.1:1,\n"), AT "2: [http] listen: an address is missing"},
    {TEXT("[http]\nlisten = 8480\n"), AT "2: [http] listen: \"8480\" is not an address: write 127.0.0.1:8480, [::1]:8480 or unix:/path"},
    {TEXT("[http]\nlisten = ::1:8480\n"),
     AT "2: [http] listen: \"::1:8480\" is not an address: write 127.0.0.1:8480, [::1]:8480 or unix:/path"},
    {TEXT("[http]\nlisten = [127.0.0.1]:1\n"),
     AT "2: [http] listen: \"[127.0.0.1]:1\" is not an address: write 127.0.0.1:8480, [::1]:8480 or unix:/path"},
    {TEXT("[http]\nlisten = [::1]8480\n"),
     AT "2: [http] listen: \"[::1]8480\" is not an address: write 127.0.0.1:8480, [::1]:8480 or unix:/path"},
    {TEXT("[http]\nlisten = 127.0.0.1:65536\n"), AT "2: [http] listen: \"65536\" is not a port from 0 to 65535"},
    {TEXT("[http]\nlisten = 127.0.0.1:\n"), AT "2: [http] listen: \"\" is not a port from 0 to 65535"},
    {TEXT("[http]\nlisten = 127.0.0.1:+1\n"), AT "2: [http] listen: \"+1\" is not a port from 0 to 65535"},
    {TEXT("[http]\nlisten = 127.0.0.1:1, 127.0.0.1:1\n"), AT "2: [http] listen: \"127.0.0.1:1\" is there twice"},
    {TEXT("[http]\nlisten = unix:run\n"), AT "2: [http] listen: the path of a unix socket must be absolute"},
    {TEXT("[http]\nlisten = unix:/" HUNDRED TEN "\n"), AT "2: [http] listen: the path of a unix socket has at most 107 bytes"},
    {TEXT("[http]\nlisten = " HUNDRED FIFTY "\n"), AT "2: [http] listen: an address has at most 127 bytes"},
    {TEXT("[http]\nmax_event_clients = 1\nlisten = 127.0.0.1:1, 0.0.0.0:8480\n"), AT
     "3: [http] listen: 0.0.0.0:8480 can be reached from other machines: name a file with a token in token_file, or listen on 127.0.0.1"},
    {TEXT("[http]\nlisten = [::]:8480\n"),
     AT "2: [http] listen: [::]:8480 can be reached from other machines: name a file with a token in token_file, or listen on 127.0.0.1"},
    {TEXT("[http]\nlisten = 0.0.0.0:1\nmax_event_clients = 1\n"),
     AT "2: [http] listen: 0.0.0.0:1 can be reached from other machines: name a file with a token in token_file, or listen on 127.0.0.1"},
    {TEXT("[device a]\nport = /x\n[device b]\nport = /x\npower = none\n"), AT "4: [device b] port: /x is the port of device a already"},
    {TEXT("[device a]\nport = /x\nprofile = slow\npower = none\n"), AT "3: [device a] profile: there is no profile \"slow\""},
    {TEXT("[device]\nport = /x\n"), AT "1: [device]: a device's id has 1 to 63 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device ..]\n"), AT "1: [device ..]: a device's id has 1 to 63 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device a/b]\n"), AT "1: [device a/b]: a device's id has 1 to 63 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device " FIFTY TEN "1234]\n"), AT "1: [device " FIFTY TEN "1234]: a device's id has 1 to 63 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device a]\nport = /x\n[device a]\nport = /y\n"), AT "3: [device a]: the device is already in line 1"},
    {TEXT("[hotplug]\nenabled = no\n[device a]\nprofile = walter\n"),
     AT "3: [device a] port: a device needs one, as [hotplug] is not enabled"},
    {TEXT("[device b]\nport = /x\n[device Py1]\nlabels = a=b\n"),
     AT "3: [device Py1]: without a port it is a board on USB, whose id has no capitals"},
    {TEXT("[device a]\nport =\n"),
     AT "2: [device a] port: \"\" is none of the absolute path of a tty, rfc2217://HOST:PORT, tcp://HOST:PORT"},
    {TEXT("[device a]\nport = ttyUSB0\n"),
     AT "2: [device a] port: \"ttyUSB0\" is none of the absolute path of a tty, rfc2217://HOST:PORT, tcp://HOST:PORT"},
    {TEXT("[device a]\nport = rfc2217://host\n"), AT "2: [device a] port: \"rfc2217://host\" is not HOST:PORT behind its scheme"},
    {TEXT("[device a]\nport = rfc2217://:4001\n"), AT "2: [device a] port: \"rfc2217://:4001\" is not HOST:PORT behind its scheme"},
    {TEXT("[device a]\nport = rfc2217://host:0\n"),
     AT "2: [device a] port: \"rfc2217://host:0\" has no port number from 1 to 65535 at its end"},
    {TEXT("[device a]\nport = rfc2217://host:65536\n"),
     AT "2: [device a] port: \"rfc2217://host:65536\" has no port number from 1 to 65535 at its end"},
    {TEXT("[device a]\nport = rfc2217://host:40x\n"),
     AT "2: [device a] port: \"rfc2217://host:40x\" has no port number from 1 to 65535 at its end"},
    {TEXT("[device a]\nport = tcp://host\n"), AT "2: [device a] port: \"tcp://host\" is not HOST:PORT behind its scheme"},
    {TEXT("[device a]\nport = tcp://ho st:1\n"), AT "2: [device a] port: \"tcp://ho st:1\" is not HOST:PORT behind its scheme"},
    {TEXT("[device a]\nport = tcp://host/x:1\n"), AT "2: [device a] port: \"tcp://host/x:1\" is not HOST:PORT behind its scheme"},
    {TEXT("[device a]\nport = tcp://::1:4001\n"),
     AT "2: [device a] port: \"tcp://::1:4001\" has more than one colon: write an IPv6 address in brackets"},
    {TEXT("[device a]\nport = tcp://[::1]\n"), AT "2: [device a] port: \"tcp://[::1]\" is not [IPv6 address]:PORT behind its scheme"},
    {TEXT("[device a]\nport = tcp://[::1]4001\n"),
     AT "2: [device a] port: \"tcp://[::1]4001\" is not [IPv6 address]:PORT behind its scheme"},
    {TEXT("[device a]\nport = tcp://[lab]:4001\n"),
     AT "2: [device a] port: \"tcp://[lab]:4001\" is not [IPv6 address]:PORT behind its scheme"},
    {TEXT("[device a]\nport = udp://host:1\n"),
     AT "2: [device a] port: \"udp://host:1\" is none of the absolute path of a tty, rfc2217://HOST:PORT, tcp://HOST:PORT"},
    {TEXT("[device a]\nport = tcp://lab:1\n[device b]\nport = tcp://lab:1\n"),
     AT "4: [device b] port: tcp://lab:1 is the port of device a already"},
    {TEXT("[device a]\nport = /x\n[device b]\nprofile = auto\nport = /x\n"), AT "5: [device b] port: /x is the port of device a already"},
    {TEXT("[device a]\nport = /dev/null\n[device b]\nport = /dev/../dev/null\n"),
     AT "4: [device b] port: /dev/../dev/null is the port of device a already"},
    {TEXT("[device a]\nport = /x\nprofile = slow\n"), AT "3: [device a] profile: there is no profile \"slow\""},
    {TEXT("[device a]\nprofile = " FIFTY "\n"), AT "2: [device a] profile: has at most 31 bytes"},
    {TEXT("[device a]\nlabels = rack\n"), AT "2: [device a] labels: \"rack\" is not key=value"},
    {TEXT("[device a]\nlabels = a=1,,b=2\n"), AT "2: [device a] labels: \"\" is not key=value"},
    {TEXT("[device a]\nlabels = a=1,a=2\n"), AT "2: [device a] labels: the label \"a\" is there twice"},
    {TEXT("[device a]\nlabels = r k=1\n"), AT "2: [device a] labels: \"r k=1\": a label's key has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device a]\nlabels = state=1\n"),
     AT "2: [device a] labels: \"state=1\": state, release, profile, id, board and alias are members of the device, not labels"},
    {TEXT("[device a]\nlabels = a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1\n"),
     AT "2: [device a] labels: a device has at most 16 labels"},
    {TEXT("[device a]\npower = hub\n"),
     AT "2: [device a] power: \"hub\": it is none of none, usb-port:PORT, usb-authorized:PORT, command:COMMAND"},
    {TEXT("[device a]\npower = usb-port:1\n"),
     AT "2: [device a] power: \"usb-port:1\": a port of USB is named as the kernel does, for example 1-1.4"},
    {TEXT("[device a]\npower = usb-port:1-1.\n"),
     AT "2: [device a] power: \"usb-port:1-1.\": a port of USB is named as the kernel does, for example 1-1.4"},
    {TEXT("[device a]\npower = usb-port:../x\n"),
     AT "2: [device a] power: \"usb-port:../x\": a port of USB is named as the kernel does, for example 1-1.4"},
    {TEXT("[device a]\npower = command:cycle\n"),
     AT "2: [device a] power: \"command:cycle\": a command begins with the absolute path of a program"},
    {TEXT("[device a]\npower = command:/none/cycle bench-1\n"),
     AT "2: [device a] power: /none/cycle cannot be run: No such file or directory"},
    {TEXT("[device a]\npower = command:/etc/passwd\n"), AT "2: [device a] power: /etc/passwd cannot be run: Permission denied"},
    {TEXT("[device a]\npower = usb-authorized:\n"),
     AT "2: [device a] power: \"usb-authorized:\": a port of USB is named as the kernel does, for example 1-1.4"},
    {TEXT("[device a]\npower_group = a b\n"), AT "2: [device a] power_group: \"a b\": a group has 1 to 63 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[device a]\npower =\n"),
     AT "2: [device a] power: \"\": it is none of none, usb-port:PORT, usb-authorized:PORT, command:COMMAND"},
    {TEXT("[download]\nca_file = /none/ca.pem\n"), AT "2: [download] ca_file: /none/ca.pem cannot be read: No such file or directory"},
    {TEXT("[host a]\nca_file = /none/ca.pem\n"), AT "2: [host a] ca_file: /none/ca.pem cannot be read: No such file or directory"},
    {TEXT("[host a]\nclient_cert = /none/c\n"), AT "2: [host a] client_cert: /none/c cannot be read: No such file or directory"},
    {TEXT("[host a]\nclient_key = /none/k\n"), AT "2: [host a] client_key: /none/k cannot be read: No such file or directory"},
    {TEXT("[power]\noff_s = 0\n"), AT "2: [power] off_s: \"0\" is not a number from 1 to 600"},
    {TEXT("[power]\noff_s = 601\n"), AT "2: [power] off_s: \"601\" is not a number from 1 to 600"},
    {TEXT("[power]\nmin_interval_s = 86401\n"), AT "2: [power] min_interval_s: \"86401\" is not a number from 0 to 86400"},
    {TEXT("[power]\ncommand_timeout_s = 0\n"), AT "2: [power] command_timeout_s: \"0\" is not a number from 1 to 3600"},
    {TEXT("[power]\ncommand_timeout_s = 3601\n"), AT "2: [power] command_timeout_s: \"3601\" is not a number from 1 to 3600"},
    {TEXT("[health]\nprobe_every_s = 1h\n"), AT "2: [health] probe_every_s: \"1h\" is not a number from 0 to 604800"},
    {TEXT("[health]\nprobe_every_s = 604801\n"), AT "2: [health] probe_every_s: \"604801\" is not a number from 0 to 604800"},
    {TEXT("[health]\nquarantine_after = 101\n"), AT "2: [health] quarantine_after: \"101\" is not a number from 0 to 100"},
    {TEXT("[audit]\nkeep_days = 0\n"), AT "2: [audit] keep_days: \"0\" is not a number from 1 to 3650"},
    {TEXT("[history]\nkeep_days = 3651\n"), AT "2: [history] keep_days: \"3651\" is not a number from 0 to 3650"},
    {TEXT("[history]\nkeep_jobs = -1\n"), AT "2: [history] keep_jobs: \"-1\" is not a number from 0 to 10000000"},
    {TEXT("[audit]\nkeep_entries = 99\n"), AT "2: [audit] keep_entries: \"99\" is not a number from 100 to 10000000"},
    {TEXT("[health x]\n"), AT "1: [health x]: [health] takes no name"},
    {TEXT("[hub]\n"), AT "1: [hub]: a hub is named as the kernel does: 1-1.4, or usb1 for that of a controller"},
    {TEXT("[hub usb]\n"), AT "1: [hub usb]: a hub is named as the kernel does: 1-1.4, or usb1 for that of a controller"},
    {TEXT("[hub usb1x]\n"), AT "1: [hub usb1x]: a hub is named as the kernel does: 1-1.4, or usb1 for that of a controller"},
    {TEXT("[hub 1]\n"), AT "1: [hub 1]: a hub is named as the kernel does: 1-1.4, or usb1 for that of a controller"},
    {TEXT("[hub 1-1]\n[hub 1-1.2]\n[hub 1-1]\n"), AT "3: [hub 1-1]: the hub is already in line 1"},
    {TEXT("[hub 1-1]\nganged = 0\n"), AT "2: [hub 1-1] ganged: \"0\" is neither yes nor no"},
    {TEXT("[hotplug]\npower = yes\n"), AT "2: [hotplug] power: \"yes\" is neither auto nor none"},
    {TEXT("[hub 1-1]\npower = none\n"), AT "2: [hub 1-1] power: there is no such key"},
    {TEXT("[board]\n"), AT "1: [board]: a board's name has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[board " FIFTY "]\n"), AT "1: [board " FIFTY "]: a board's name has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[board a]\nusb = 1209:0001\n[board a]\n"), AT "3: [board a]: the board is already in line 1"},
    {TEXT("\n[board a]\nprofile = auto\n"), AT "2: [board a] usb: a board needs an id"},
    {TEXT("[board a]\nusb =\n"), AT "2: [board a] usb: \"\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8\n"), AT "2: [board a] usb: \"04d8\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8:f12\n"), AT "2: [board a] usb: \"04d8:f12\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 0x4d:f012\n"), AT "2: [board a] usb: \"0x4d:f012\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8:f0123\n"), AT "2: [board a] usb: \"04d8:f0123\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8-f012\n"), AT "2: [board a] usb: \"04d8-f012\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8:f012,\n"), AT "2: [board a] usb: \"\" is not vid:pid, four hexadecimal digits each"},
    {TEXT("[board a]\nusb = 04d8:f012, 04D8:F012\n"), AT "2: [board a] usb: \"04D8:F012\" is there twice"},
    {TEXT("[board a]\nusb = " IDS("00") "," IDS("01") "\n"), AT "2: [board a] usb: a board has at most 16 ids"},
    {TEXT("[board a]\ninterface = 256\n"), AT "2: [board a] interface: \"256\" is not the number of an interface, from 0 to 255"},
    {TEXT("[board a]\ninterface =\n"), AT "2: [board a] interface: \"\" is not the number of an interface, from 0 to 255"},
    {TEXT("[board a]\nusb = 1209:0001\nprofile = slow\n"), AT "3: [board a] profile: there is no profile \"slow\""},
    {TEXT("[board a]\nusb = 1209:0001, 1209:0002\n[board b]\nusb = 1209:0003,1209:0002\n"),
     AT "3: [board b] usb: 1209:0002 is an id of board a already"},
    {TEXT("[board a]\nusb = 1209:0001\ninterface = 2\n[board b]\nusb = 1209:0001\n"),
     AT "4: [board b] usb: 1209:0001 is an id of board a already"},
    {TEXT("[profile]\n"), AT "1: [profile]: a profile's name has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[profile " FIFTY "]\n"), AT "1: [profile " FIFTY "]: a profile's name has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {TEXT("[profile a]\n[profile b]\n[profile a]\n"), AT "3: [profile a]: the profile is already in line 1"},
    {TEXT("[profile a]\nbase = b\n[profile b]\n"), AT "2: [profile a] base: there is no profile \"b\" above or built in"},
    {TEXT("[profile a]\nbase = a\n"), AT "2: [profile a] base: there is no profile \"a\" above or built in"},
    {TEXT("[profile a]\nrates = 115200\nbase = walter\n"), AT "3: [profile a] base: it has to be the first key of its section"},
    {TEXT("[profile a]\nspeed = 1\n"), AT "2: [profile a] speed: there is no such key"},
    {TEXT("[profile a]\nrates = 115200\nrates = 9600\n"), AT "3: [profile a] rates: the key is there twice"},
    {TEXT("[profile a]\nboard = chat\nchat = '' AT\\r OK\nchat = 'x\n"), AT "4: [profile a] chat: the word that begins with ' has no end"},
    {TEXT("[profile a]\nchat = RATE fast\n"), AT "2: [profile a] chat: RATE takes a number from 1200 to 4000000"},
    {TEXT("[profile a]\nboard = walter\n"), AT "2: [profile a] board: board is direct, pycom, avr-iot or chat"},
    {TEXT("[profile a]\nboard_rate = 0\n"), AT "2: [profile a] board_rate: board_rate is a number from 1200 to 4000000"},
    {TEXT("[profile a]\nbridge_rate = fast\n"), AT "2: [profile a] bridge_rate: bridge_rate is a number from 1200 to 4000000"},
    {TEXT("[daemon]\n[profile a]\nboard = chat\n"), AT "2: [profile a] board: chat needs a script, at least one line of `chat`"},
    {TEXT("[profile a]\nchat = OK go\n"), AT "1: [profile a] chat: the script is for `board = chat`"},
};

START_TEST(a_bad_text_is_refused_with_its_line)
{
	const struct bad_text *bad = &bad_texts[_i];
	struct config config;
	char error[1024] = "", expected[1024];
	write_file(bad->text, bad->length);
	ck_assert_int_eq(config_load(file, &config, error, sizeof(error)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:%s", file, bad->error + strlen(AT));
	ck_assert_str_eq(error, expected);
	ck_assert_ptr_null(config.listen);
	ck_assert_ptr_null(config.devices);
}
END_TEST

START_TEST(a_profile_tells_what_is_wrong_with_its_value)
{
	struct config config;
	char error[1024] = "", expected[1024], why[256] = "";
	struct profile profile = *profile_builtin("auto");
	ck_assert_int_eq(profile_set(&profile, "rates", "fast", why, sizeof(why)), -EINVAL);
	write_file(TEXT("[profile a]\nrates = fast\n"));
	ck_assert_int_eq(config_load(file, &config, error, sizeof(error)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: [profile a] rates: %s", file, why);
	ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(without_keys_everything_has_its_default)
{
	struct config config = load_good("", 0);
	ck_assert_str_eq(config.state_dir, "/var/lib/dupgate");
	ck_assert_str_eq(config.cache_dir, "/var/cache/dupgate");
	ck_assert_int_eq(config.log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(config.listen_count, 1);
	ck_assert_str_eq(config.listen[0], "127.0.0.1:8480");
	ck_assert_str_eq(config.token_file, "");
	ck_assert_uint_eq(config.max_event_clients, 1024);
	ck_assert_uint_eq(config.max_parallel, 64);
	ck_assert_uint_eq(config.attempts, 3);
	ck_assert_uint_eq(config.max_size, 67108864);
	ck_assert_uint_eq(config.quota, 4294967296);
	ck_assert(!config.require_signature);
	ck_assert_str_eq(config.trusted_keys_dir, "/etc/dupgate/keys");
	ck_assert(config.download.allow_http);
	ck_assert_str_eq(config.download.proxy, "");
	ck_assert_str_eq(config.download.ca_file, "");
	ck_assert_uint_eq(config.download.max_redirects, 5);
	ck_assert_uint_eq(config.download.stall_s, 30);
	ck_assert_uint_eq(config.download.attempts, 5);
	ck_assert_uint_eq(config.download.max_parallel, 4);
	ck_assert_uint_eq(config.host_count, 0);
	ck_assert(config.hotplug);
	ck_assert(config.hotplug_power);
	ck_assert_uint_eq(config.power.off_s, 10);
	ck_assert_uint_eq(config.power.min_interval_s, 60);
	ck_assert_uint_eq(config.power.command_timeout_s, 60);
	ck_assert_uint_eq(config.health.probe_every_s, 0);
	ck_assert_uint_eq(config.health.quarantine_after, 3);
	ck_assert_uint_eq(config.audit_keep_days, 90);
	ck_assert_uint_eq(config.audit_keep_entries, 100000);
	ck_assert_uint_eq(config.history_keep_days, 365);
	ck_assert_uint_eq(config.history_keep_jobs, 100000);
	ck_assert_uint_eq(config.board_count, 0);
	ck_assert_uint_eq(config.hub_count, 0);
	ck_assert(config_hub_is_ganged(&config, "1-1"));
	ck_assert_uint_eq(config.device_count, 0);
	ck_assert_uint_eq(config.profile_count, 0);
	config_clear(&config);
	ck_assert_ptr_null(config.listen);
}
END_TEST

/* The same with each kind of line end and with a byte order mark. */
#define WHOLE(mark, end)                                                                                                                   \
	mark "[daemon]" end "state_dir = /s" end "cache_dir=/c   ; where bundles are" end "  log_level = debug" end "[http] ; comment" end \
	     "listen = 127.0.0.1:0, 127.0.0.1:0 , [::1]:8480,unix:/run/x" end "token_file = /t" end "max_event_clients = 2" end            \
	     "[jobs]" end "max_parallel = 1024" end "attempts = 1" end "# " HUNDRED HUNDRED end "[firmware]" end "max_size = 512K" end     \
	     "quota = 2T" end "require_signature = off" end "trusted_keys_dir = /k" end "[hotplug]" end "enabled = false" end              \
	     "[device bench-1]" end "port = /run/fleet/modem0" end "profile = slow-lab" end "labels = rack=1, bench=yes ,note=a b=c" end   \
	     "power = none" end "[device " FIFTY TEN "123]" end "port = /dev/serial/by-id/usb-x" end "[profile slow-lab]" end              \
	     "base = monarch1" end "rates = 115200"

static const struct good_text {
	const char *text;
	size_t length;
} good_texts[] = {
    {TEXT(WHOLE("", "\n"))},
    {TEXT(WHOLE("", "\r\n"))},
    {TEXT(WHOLE("\xEF\xBB\xBF", "\n"))},
};

START_TEST(every_key_arrives)
{
	struct config config = load_good(good_texts[_i].text, good_texts[_i].length);
	ck_assert_str_eq(config.state_dir, "/s");
	ck_assert_str_eq(config.cache_dir, "/c");
	ck_assert_int_eq(config.log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(config.listen_count, 4);
	ck_assert_str_eq(config.listen[0], "127.0.0.1:0");
	ck_assert_str_eq(config.listen[1], "127.0.0.1:0");
	ck_assert_str_eq(config.listen[2], "[::1]:8480");
	ck_assert_str_eq(config.listen[3], "unix:/run/x");
	ck_assert_str_eq(config.token_file, "/t");
	ck_assert_uint_eq(config.max_event_clients, 2);
	ck_assert_uint_eq(config.max_parallel, 1024);
	ck_assert_uint_eq(config.attempts, 1);
	ck_assert_uint_eq(config.max_size, 524288);
	ck_assert_uint_eq(config.quota, 2199023255552);
	ck_assert(!config.require_signature);
	ck_assert_str_eq(config.trusted_keys_dir, "/k");
	ck_assert(!config.hotplug);

	ck_assert_uint_eq(config.device_count, 2);
	const struct config_device *device = &config.devices[0];
	ck_assert_str_eq(device->id, "bench-1");
	ck_assert_str_eq(device->port, "/run/fleet/modem0");
	ck_assert_str_eq(device->profile, "slow-lab");
	ck_assert_str_eq(device->power, "none");
	ck_assert_uint_eq(device->label_count, 3);
	ck_assert_str_eq(device->labels[1].key, "bench");
	ck_assert_str_eq(device->labels[1].value, "yes");
	ck_assert_str_eq(device->labels[2].value, "a b=c");
	ck_assert_int_eq(device->line, 20);
	ck_assert_str_eq(config.devices[1].id, FIFTY TEN "123");
	ck_assert_str_eq(config.devices[1].port, "/dev/serial/by-id/usb-x");
	ck_assert_str_eq(config.devices[1].profile, "auto");
	ck_assert_str_eq(config.devices[1].power, "");
	config_clear(&config);
}
END_TEST

START_TEST(a_device_needs_no_more_than_its_port)
{
	struct config config = load_good(TEXT("[device \t b]\nport = /x\nlabels =\n"));
	ck_assert_str_eq(config.devices[0].id, "b");
	ck_assert_str_eq(config.devices[0].profile, "auto");
	ck_assert_str_eq(config.devices[0].power, "");
	ck_assert_uint_eq(config.devices[0].label_count, 0);
	config_clear(&config);
}
END_TEST

/* Its profile stays open, so that the board's can take the place; two of them are not on one port. */
START_TEST(a_device_without_a_port_is_one_of_usb)
{
	struct config config =
	    load_good(TEXT("[device py0001]\nlabels = rack=1\n[device py0002]\nprofile = walter\npower = usb-port:1-1.4\n"));
	ck_assert_uint_eq(config.device_count, 2);
	ck_assert_str_eq(config.devices[0].port, "");
	ck_assert_str_eq(config.devices[0].profile, "");
	ck_assert_str_eq(config.devices[0].power, "");
	ck_assert_str_eq(config.devices[0].labels[0].value, "1");
	ck_assert_str_eq(config.devices[1].profile, "walter");
	ck_assert_str_eq(config.devices[1].power, "usb-port:1-1.4");
	config_clear(&config);
}
END_TEST

static const char *const good_ports[] = {"/dev/ttyUSB0",     "rfc2217://lab-3:4001",   "rfc2217://[fe80::1]:65535",
					 "tcp://10.0.0.7:1", "tcp://lab.example:4001", "tcp://[::1]:23"};

START_TEST(a_port_is_a_path_or_on_the_network)
{
	char text[128];
	int length = snprintf(text, sizeof(text), "[device a]\nport = %s\n", good_ports[_i]);
	struct config config = load_good(text, (size_t)length);
	ck_assert_str_eq(config.devices[0].port, good_ports[_i]);
	config_clear(&config);
}
END_TEST

static const char *const good_powers[] = {
    "none", "usb-port:1-1.4.2", "usb-port:2-1", "usb-authorized:1-3", "command:/bin/echo a b=c", "command:/bin/true"};

START_TEST(power_is_switched_in_four_ways)
{
	char text[128];
	int length = snprintf(text, sizeof(text), "[device a]\npower = %s\n", good_powers[_i]);
	struct config config = load_good(text, (size_t)length);
	ck_assert_str_eq(config.devices[0].power, good_powers[_i]);
	config_clear(&config);
}
END_TEST

START_TEST(boards_and_hubs_arrive)
{
	struct config config =
	    load_good(TEXT("[hotplug]\npower = none\n[power]\noff_s = 15\nmin_interval_s = 0\ncommand_timeout_s = 5\n"
			   "[health]\nprobe_every_s = 3600\nquarantine_after = 0\n[audit]\nkeep_days = 7\nkeep_entries = 1000\n"
			   "[history]\nkeep_days = 0\nkeep_jobs = 500\n"
			   "[board bench]\nusb = 1209:0001, 1209:ABcd\ninterface = 2\nprofile = slow\n"
			   "[board other]\nusb = 1209:0001\ninterface = 3\n[board third]\nusb = 1209:0002\n[profile slow]\n"
			   "[hub 1-1]\nganged = no\n[hub usb2]\nganged = no\n[hub 1-2]\n"));
	ck_assert(!config.hotplug_power);
	ck_assert_uint_eq(config.power.off_s, 15);
	ck_assert_uint_eq(config.power.min_interval_s, 0);
	ck_assert_uint_eq(config.power.command_timeout_s, 5);
	ck_assert_uint_eq(config.health.probe_every_s, 3600);
	ck_assert_uint_eq(config.health.quarantine_after, 0);
	ck_assert_uint_eq(config.audit_keep_days, 7);
	ck_assert_uint_eq(config.audit_keep_entries, 1000);
	ck_assert_uint_eq(config.history_keep_days, 0);
	ck_assert_uint_eq(config.history_keep_jobs, 500);
	ck_assert_uint_eq(config.board_count, 3);
	const struct usb_board_rule *board = &config.boards[0];
	ck_assert_str_eq(board->name, "bench");
	ck_assert_uint_eq(board->id_count, 2);
	ck_assert_uint_eq(board->ids[0].vid, 0x1209);
	ck_assert_uint_eq(board->ids[0].pid, 0x0001);
	ck_assert_uint_eq(board->ids[1].pid, 0xabcd);
	ck_assert_int_eq(board->interface, 2);
	ck_assert_str_eq(board->profile, "slow");
	ck_assert_int_eq(config.boards[1].interface, 3);
	ck_assert_str_eq(config.boards[1].profile, "auto");
	ck_assert_int_eq(config.boards[2].interface, -1);
	ck_assert(!config_hub_is_ganged(&config, "1-1"));
	ck_assert(!config_hub_is_ganged(&config, "usb2"));
	ck_assert(config_hub_is_ganged(&config, "1-2"));
	ck_assert(config_hub_is_ganged(&config, "1-1.1"));
	config_clear(&config);
	ck_assert_ptr_null(config.boards);
	ck_assert_ptr_null(config.hubs);
}
END_TEST

START_TEST(the_lines_of_a_script_are_one_script)
{
	struct config config = load_good(TEXT("[profile a]\nboard = chat\nchat = ABORT ERROR\nbridge_rate = 57600\n"
					      "chat = '' go\\r ; from here on the modem talks\n"
					      "[profile b]\nbase = a\n[profile c]\nbase = a\nchat = OK \\x3b\n"));
	const struct profile *a = config_profile(&config, "a"), *b = config_profile(&config, "b"), *c = config_profile(&config, "c");
	ck_assert_int_eq(a->board, BOARD_CHAT);
	ck_assert_uint_eq(profile_bridge_rate(a), 57600);
	ck_assert_uint_eq(a->chat.line_count, 2);
	ck_assert_uint_eq(a->chat.step_count, 2);
	ck_assert_int_eq(a->chat.steps[0].verb, CHAT_ABORT);
	ck_assert_int_eq(a->chat.steps[1].verb, CHAT_SEND);
	ck_assert_uint_eq(a->chat.steps[1].line, 2);
	ck_assert_mem_eq(a->chat.text + a->chat.steps[1].offset, "go\r", 3);
	ck_assert_mem_eq(&b->chat, &a->chat, sizeof(a->chat));
	ck_assert_uint_eq(c->chat.line_count, 1);
	ck_assert_uint_eq(c->chat.text_length, 3);
	ck_assert_mem_eq(c->chat.text, "OK;", 3);
	config_clear(&config);
}
END_TEST

START_TEST(a_profile_of_the_file_stands_on_its_base)
{
	struct config config = load_good(TEXT("[profile a]\nbase = monarch1\nrates = 57600\n[profile b]\nbase = a\nblock_size = "
					      "512\n[profile walter]\nrates = 9600\n[profile c]\n"));
	const struct profile *monarch1 = profile_builtin("monarch1");
	const struct profile *a = config_profile(&config, "a"), *b = config_profile(&config, "b");
	ck_assert_uint_eq(config.profile_count, 4);
	ck_assert_str_eq(a->name, "a");
	ck_assert_int_eq(a->family, FAMILY_MONARCH1);
	ck_assert_uint_eq(a->rates[0], 57600);
	ck_assert_uint_eq(a->rates[1], 0);
	ck_assert_uint_eq(a->apply_budget_s, monarch1->apply_budget_s);
	ck_assert_str_eq(b->name, "b");
	ck_assert_uint_eq(b->rates[0], 57600);
	ck_assert_uint_eq(b->block_size, 512);
	ck_assert_uint_ne(a->block_size, 512);
	/* One with a built-in name starts as that one and takes its place; without a base it is auto. */
	ck_assert_int_eq(config_profile(&config, "walter")->family, profile_builtin("walter")->family);
	ck_assert_uint_eq(config_profile(&config, "walter")->rates[0], 9600);
	ck_assert_int_eq(config_profile(&config, "c")->family, FAMILY_UNKNOWN);
	ck_assert_ptr_eq(config_profile(&config, "pycom"), profile_builtin("pycom"));
	ck_assert_ptr_null(config_profile(&config, "d"));
	config_clear(&config);
}
END_TEST

START_TEST(truth_has_six_words)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
	char text[64];
	int length = snprintf(text, sizeof(text), "[hotplug]\nenabled = %s\n", words[_i]);
	struct config config = load_good(text, (size_t)length);
	ck_assert_int_eq(config.hotplug, _i % 2);
	config_clear(&config);
}
END_TEST

START_TEST(a_token_file_opens_other_addresses)
{
	struct config config = load_good(TEXT("[http]\nlisten = 0.0.0.0:8480\ntoken_file = /etc/token\n"));
	ck_assert_str_eq(config.listen[0], "0.0.0.0:8480");
	config_clear(&config);
	config = load_good(TEXT("[http]\nlisten = 127.1.2.3:1, [::1]:1, unix:/x\n"));
	ck_assert_uint_eq(config.listen_count, 3);
	config_clear(&config);
}
END_TEST

static void load_with_mode(const char *text, mode_t mode, struct config *ret, char error[static 512])
{
	error[0] = '\0';
	write_file(text, strlen(text));
	ck_assert_int_eq(chmod(file, mode), 0);
	int result = config_load(file, ret, error, 512);
	ck_assert_int_eq(chmod(file, 0600), 0);
	ck_assert_int_eq(result, error[0] == '\0' ? 0 : -EINVAL);
}

START_TEST(downloads_and_their_hosts_arrive)
{
	struct config config;
	char error[512];
	load_with_mode(
	    "[download]\nallow_http = no\nproxy = http://u:p@proxy:3128\nca_file = /etc/passwd\nmax_redirects = 0\nstall_s = 3600\n"
	    "attempts = 100\nmax_parallel = 64\n[host Firmware.example:8443]\nuser = alice\npassword = pass word\n"
	    "[host [::1]:80]\n[host 10.0.0.7]\ntoken = abc.def\nclient_cert = /etc/passwd\nclient_key = /etc/group\n"
	    "ca_file = /etc/debian_version\n",
	    0640, &config, error);
	ck_assert_str_eq(error, "");
	ck_assert(!config.download.allow_http);
	ck_assert_str_eq(config.download.proxy, "http://u:p@proxy:3128");
	ck_assert_str_eq(config.download.ca_file, "/etc/passwd");
	ck_assert_uint_eq(config.download.max_redirects, 0);
	ck_assert_uint_eq(config.download.stall_s, 3600);
	ck_assert_uint_eq(config.download.attempts, 100);
	ck_assert_uint_eq(config.download.max_parallel, 64);
	ck_assert_uint_eq(config.host_count, 3);
	ck_assert_str_eq(config.hosts[0].name, "Firmware.example:8443");
	ck_assert_str_eq(config.hosts[0].user, "alice");
	ck_assert_str_eq(config.hosts[0].password, "pass word");
	ck_assert_str_eq(config.hosts[0].token, "");
	ck_assert_str_eq(config.hosts[1].name, "[::1]:80");
	ck_assert_str_eq(config.hosts[2].token, "abc.def");
	ck_assert_str_eq(config.hosts[2].client_cert, "/etc/passwd");
	ck_assert_str_eq(config.hosts[2].client_key, "/etc/group");
	ck_assert_str_eq(config.hosts[2].ca_file, "/etc/debian_version");
	config_clear(&config);
	ck_assert_ptr_null(config.hosts);
}
END_TEST

static const struct secret_text {
	const char *text, *error; /* error NULL: anybody may read it */
} secret_texts[] = {
    {"[host a]\nuser = u\npassword = sesame\n", "3: [host a] password"},
    {"[host a]\ntoken = sesame\n[host b]\ntoken = sesame\n", "2: [host a] token"},
    {"[download]\nproxy = http://u:sesame@p\n", "2: [download] proxy"},
    {"[download]\nproxy = http://p\n[host a]\nuser = u\n", NULL},
};

START_TEST(a_file_with_secrets_is_not_open_to_everybody)
{
	const struct secret_text *secret = &secret_texts[_i];
	struct config config;
	char error[512], expected[1024] = "";
	if (secret->error != NULL)
		snprintf(expected, sizeof(expected), "%s:%s: a file with this in it must not be open to everybody: chmod o= %s", file,
			 secret->error, file);
	load_with_mode(secret->text, 0644, &config, error);
	ck_assert_str_eq(error, expected);
	config_clear(&config);
	load_with_mode(secret->text, 0602, &config, error);
	ck_assert_str_eq(error, expected);
	config_clear(&config);
	load_with_mode(secret->text, 0660, &config, error);
	ck_assert_str_eq(error, "");
	config_clear(&config);
}
END_TEST

START_TEST(a_named_file_has_to_be_there)
{
	struct config config;
	char error[512] = "", expected[512];
	ck_assert_int_eq(config_load(file, &config, error, sizeof(error)), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: cannot be read: No such file or directory", file);
	ck_assert_str_eq(error, expected);
	ck_assert_int_eq(config_load(directory, &config, error, sizeof(error)), -EISDIR);
	snprintf(expected, sizeof(expected), "%s: cannot be read: Is a directory", directory);
	ck_assert_str_eq(error, expected);
	ck_assert_int_eq(config_load("/dev/zero", &config, error, sizeof(error)), -EFBIG);
}
END_TEST

START_TEST(the_default_file_need_not_be_there)
{
	struct config config;
	char error[256] = "";
	if (access("/etc/dupgate/dupgate.conf", F_OK) == 0)
		return; /* this machine has one: what it says is not ours to judge */
	ck_assert_int_eq(config_load(NULL, &config, error, sizeof(error)), 0);
	ck_assert_str_eq(config.listen[0], "127.0.0.1:8480");
	config_clear(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("file");
	tcase_add_checked_fixture(tests, make_directory, remove_directory);
	tcase_add_loop_test(tests, a_bad_text_is_refused_with_its_line, 0, (int)(sizeof(bad_texts) / sizeof(bad_texts[0])));
	tcase_add_test(tests, a_profile_tells_what_is_wrong_with_its_value);
	tcase_add_test(tests, without_keys_everything_has_its_default);
	tcase_add_loop_test(tests, every_key_arrives, 0, (int)(sizeof(good_texts) / sizeof(good_texts[0])));
	tcase_add_test(tests, a_device_needs_no_more_than_its_port);
	tcase_add_test(tests, a_device_without_a_port_is_one_of_usb);
	tcase_add_loop_test(tests, a_port_is_a_path_or_on_the_network, 0, (int)(sizeof(good_ports) / sizeof(good_ports[0])));
	tcase_add_loop_test(tests, power_is_switched_in_four_ways, 0, (int)(sizeof(good_powers) / sizeof(good_powers[0])));
	tcase_add_test(tests, boards_and_hubs_arrive);
	tcase_add_test(tests, the_lines_of_a_script_are_one_script);
	tcase_add_test(tests, a_profile_of_the_file_stands_on_its_base);
	tcase_add_loop_test(tests, truth_has_six_words, 0, 6);
	tcase_add_test(tests, a_token_file_opens_other_addresses);
	tcase_add_test(tests, downloads_and_their_hosts_arrive);
	tcase_add_loop_test(tests, a_file_with_secrets_is_not_open_to_everybody, 0, (int)(sizeof(secret_texts) / sizeof(secret_texts[0])));
	tcase_add_test(tests, a_named_file_has_to_be_there);
	tcase_add_test(tests, the_default_file_need_not_be_there);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
