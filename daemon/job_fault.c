/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const class_names[] = {
    [CLASS_TRANSIENT] = "transient", [CLASS_INFRASTRUCTURE] = "infrastructure", [CLASS_DEVICE] = "device", [CLASS_BUNDLE] = "bundle",
    [CLASS_OPERATOR] = "operator",
};

/* The order is the one of design 10. The class decides about a retry: what may be gone by itself a minute later is transient; what needs a hand
 * at the board is device, even when it looks like silence. "interrupted" ends a loop of crashes, so its class must be one that is not retried. */
static const struct fault_kind kinds[] = {
    {"port-in-use", CLASS_OPERATOR, 409, "Another program holds the port",
     "Stop the program that is named (ModemManager, gpsd or a terminal are the usual ones), or let go of the port, then retry the job. Of "
     "a port "
     "over the network only its server knows who has it."},
    {"port-gone", CLASS_TRANSIENT, 503, "The port does not exist or went away",
     "Check the USB cable, the hub and its power supply, and that the port's path is right. If ports vanish again and again, the supply is "
     "too weak: use a powered hub with fewer boards. For a port over the network check that its host and server run and can be reached, "
     "and "
     "that the server speaks what the port's name says (man dupgated)."},
    {"modem-silent", CLASS_TRANSIENT, 504, "The modem does not answer at any rate",
     "Take all power from the board, USB and battery, for 10 seconds, then plug it in and probe again. The reset button is not enough."},
    {"modem-unpowered", CLASS_DEVICE, 502, "The line is held low: the modem has no power",
     "Check the modem's supply and its enable line, and the wiring of TX and GND. If the supply is good the modem is dead."},
    {"modem-wrong-rate", CLASS_OPERATOR, 502, "The modem talks at a rate that is not tried",
     "Add the modem's rate to the `rates` of the device's profile, or set the modem to 921600 or 115200 with AT+IPR."},
    {"modem-in-data-mode", CLASS_TRANSIENT, 502, "The modem stays in data mode",
     "End the PPP connection on the board (stop the application that uses the modem), or take all power from the board for 10 seconds, "
     "then retry."},
    {"modem-answers-error", CLASS_TRANSIENT, 502, "The modem answers ERROR where it should not",
     "Retry the job. A Monarch 2 modem that an upgrade left in recovery may answer so: give the device the profile of its board (monarch2, "
     "walter, "
     "avr-iot), and it is taken for one. If it happens again take all power from the board for 10 seconds, then probe it."},
    {"board-no-bridge", CLASS_DEVICE, 502, "The board does not pass the line through to the modem",
     "Reset the board, check that nothing else runs on it, and that its bridge or mirror is installed; then retry."},
    {"board-too-old", CLASS_DEVICE, 409, "The board's own firmware is too old",
     "Update the firmware of the board itself (Pycom: 1.18.1 or newer), then retry."},
    {"boot-mode-refused", CLASS_TRANSIENT, 502, "The modem refuses to change its boot mode",
     "Retry the job. If it is refused again take all power from the board for 10 seconds, so that the modem leaves the network and power "
     "saving, then "
     "retry."},
    {"boot-mode-unchanged", CLASS_TRANSIENT, 502, "The modem said yes but stayed in its boot mode",
     "Take all power from the board for 10 seconds, then retry the job."},
    {"helper-needed", CLASS_OPERATOR, 409, "The modem needs a helper before it can take this bundle",
     "Add the updater.elf or mtools.elf that came with the bundle to the cache and name it as the helper; a differential bundle cannot be "
     "used here: "
     "take the full one."},
    {"helper-mismatch", CLASS_BUNDLE, 422, "The helper does not belong to this bundle or family",
     "Use the helper of the same download as the bundle: updater.elf for Monarch 1, mtools.elf for Monarch 2."},
    {"helper-not-starting", CLASS_TRANSIENT, 504, "The helper was loaded but never answered",
     "Take all power from the board for 10 seconds and probe it: a modem that is back in its application can be upgraded as usual."},
    {"bundle-damaged", CLASS_BUNDLE, 422, "The bundle is damaged",
     "Get the file again from where it came from, compare its size and digest with what the vendor states, and add it anew."},
    {"bundle-unsupported", CLASS_BUNDLE, 422, "The bundle cannot be used, or not on this modem in this way",
     "Do what the message says. A file is a .dup, a helper, or a .zip or .tgz of them; the files of a pair go together; a modem whose boot "
     "mode "
     "is "
     "not known is probed first; Monarch 2 below 8.0.4.0 needs the vendor's own tool. README tells which firmware goes where."},
    {"bundle-too-big", CLASS_BUNDLE, 413, "The bundle is too big",
     "The way `fff` takes at most 4,194,304 bytes: leave the way to `auto`, and use a full bundle in the place of a bigger differential. "
     "For the cache raise `max_size` in [firmware]; unpack an archive that is refused, and add its files one by one."},
    {"bundle-wrong-base", CLASS_BUNDLE, 409, "The differential bundle starts from another build",
     "Use the differential for the build that the modem runs, or a full bundle, which starts from any build."},
    {"bundle-wrong-family", CLASS_BUNDLE, 409, "The bundle is for another family of modems",
     "Use files of the modem's own family; if the family of a firmware was not stated or stated wrongly when it was added, state it (PATCH "
     "/firmware)."},
    {"already-installed", CLASS_OPERATOR, 409, "The modem already runs this release",
     "Nothing needs to be done; to install it again ask with `force`."},
    {"downgrade-refused", CLASS_OPERATOR, 409, "The bundle is older than what the modem runs, or for another radio",
     "Check that this is the bundle you mean; if so ask again with `allow_downgrade`, or with `allow_branch_switch` from CAT-M1 to NB-IoT "
     "or back."},
    {"stp-refused", CLASS_TRANSIENT, 502, "The modem refuses the transfer session",
     "Retry the job. If it is refused again take all power from the board for 10 seconds, then retry."},
    {"stp-no-answer", CLASS_TRANSIENT, 504, "The modem does not answer the transfer protocol",
     "Check RTS and CTS: if they are not wired turn flow control off in the profile (`flow = none`). Then retry; the modem waits in "
     "recovery."},
    {"stp-damaged", CLASS_TRANSIENT, 502, "The transfer is damaged on the line",
     "Use a shorter cable or a lower rate in the device's profile, and smaller blocks, then retry; the modem waits in recovery."},
    {"transfer-stalled", CLASS_TRANSIENT, 504, "The transfer stopped",
     "Leave the power on and retry the job: it begins again where the modem can take it. If it stalls at the same place in several modems "
     "suspect "
     "the bundle."},
    {"apply-failed", CLASS_DEVICE, 502, "The modem did not take the bundle",
     "Retry the job once: some modems need the same bundle twice. If it fails again, or on several modems, use another bundle."},
    {"apply-timeout", CLASS_DEVICE, 504, "The modem did not finish to apply the bundle in time",
     "Leave the power on for at least 20 more minutes and probe the modem. Cutting the power while it applies a bundle has destroyed "
     "modems."},
    {"restart-timeout", CLASS_TRANSIENT, 504, "The modem did not come back after its restart",
     "Wait five minutes and probe it. If it stays silent take all power from the board for 10 seconds, then retry the job."},
    {"release-mismatch", CLASS_BUNDLE, 409, "The modem runs another release than the bundle declares",
     "Compare the release that was read with the one stated for the firmware: correct the statement, or use the right bundle."},
    {"identity-changed", CLASS_OPERATOR, 409, "Another modem than expected is behind the port",
     "Check which board is plugged in where. If the modem was replaced on purpose probe the device, then retry."},
    {"device-leased", CLASS_OPERATOR, 409, "Somebody holds a lease of the device",
     "Ask the holder to release it, or wait until the lease ends."},
    {"device-busy", CLASS_OPERATOR, 409, "A job has the device or the firmware already",
     "Wait until the job is finished, or cancel it (dupctl jobs lists them); a device in maintenance takes jobs again when its maintenance "
     "is taken back, a quarantined one with force or when it is let out (dupctl unquarantine)."},
    {"past-point-of-no-return", CLASS_OPERATOR, 409, "The job can no longer be cancelled",
     "Let it finish: stopping now could destroy the modem. Leave the power on."},
    {"power-cycle-failed", CLASS_INFRASTRUCTURE, 409, "The device could not be power-cycled",
     "Check the device's `power` setting, that the hub can switch its ports and that the daemon may do so; or unplug the board for 10 "
     "seconds."},
    {"download-failed", CLASS_INFRASTRUCTURE, 502, "The firmware could not be downloaded",
     "Check the address, the network and the proxy of the gateway; or download the file yourself and add it. "
     "If it was cancelled retry what waited for it."},
    {"digest-mismatch", CLASS_BUNDLE, 422, "The content is not what its digest says",
     "Get the file again from where it came from and add it anew; if the digest was typed check it."},
    {"signature-missing", CLASS_BUNDLE, 422, "The firmware is not signed",
     "Add the signature file that belongs to the firmware, or use one that is signed with a trusted key."},
    {"signature-bad", CLASS_BUNDLE, 422, "The signature does not fit the firmware",
     "Do not use this file. Get it again from where it came from, and check that the signer's key is among the trusted ones."},
    {"cache-full", CLASS_INFRASTRUCTURE, 507, "There is no room for the firmware",
     "What no job needs makes room by itself: wait until jobs have ended or cancel some, or raise `quota` in [firmware], or free space on "
     "the disk."},
    {"interrupted", CLASS_OPERATOR, 503, "The job was interrupted too often",
     "Find out why the daemon or the gateway restarts (journalctl -u dupgated), then retry the job; the modem can still be upgraded."},
    {"deadline-passed", CLASS_OPERATOR, 409, "The job could not begin before its deadline",
     "See in the evidence what it waited for, put that right and retry the job, with a later deadline or none."},
    {"outcome-unknown", CLASS_OPERATOR, 409, "How the job ended is not in the history any more",
     "Probe the device to see what it runs, then retry the campaign: what has the release by then counts as done."},
    {"invalid-request", CLASS_OPERATOR, 400, "The request cannot be carried out as it is",
     "Correct what the detail names and send the request again."},
    {"not-found", CLASS_OPERATOR, 404, "There is no such thing",
     "List what there is (dupctl devices, jobs, firmware list, downloads list, campaign list) and use one of those names."},
    {"infrastructure-error", CLASS_INFRASTRUCTURE, 500, "The gateway itself has a problem",
     "Check the disk and the memory of the gateway (df, free, journalctl -u dupgated), then retry."},
};

const char *fault_class_name(enum fault_class class)
{
	return class_names[class];
}

bool fault_class_parse(const char *name, enum fault_class *ret)
{
	for (size_t i = 0; i < COUNT_OF(class_names); i++) {
		if (strcmp(class_names[i], name) != 0)
			continue;
		*ret = (enum fault_class)i;
		return true;
	}
	return false;
}

const struct fault_kind *fault_kind_find(const char *code)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].code, code) == 0)
			return &kinds[i];
	return NULL;
}

const struct fault_kind *fault_kind_at(size_t index)
{
	return index < COUNT_OF(kinds) ? &kinds[index] : NULL;
}

/* A cut in the middle of a UTF-8 sequence would make the whole text unusable as JSON. */
static void drop_cut_sequence(char *text, size_t length)
{
	size_t start = length;
	while (start > 0 && ((uint8_t)text[start - 1] & 0xC0u) == 0x80u)
		start--;
	if (start == 0)
		return;
	uint8_t lead = (uint8_t)text[start - 1];
	size_t wanted = lead >= 0xF0u ? 3 : lead >= 0xE0u ? 2 : lead >= 0xC0u ? 1 : 0;
	if (length - start < wanted)
		text[start - 1] = '\0';
}

const char *job_fault_remedy(const struct job_fault *fault)
{
	return fault->remedy[0] != '\0' ? fault->remedy : fault->kind->remedy;
}

int job_fault_advise(struct job_fault *fault, const char *format, ...)
{
	char text[sizeof(fault->remedy)];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(text))
		drop_cut_sequence(text, sizeof(text) - 1);
	memcpy(fault->remedy, text, sizeof(text));
	return -EPROTO;
}

int job_fault_set(struct job_fault *f, const char *code, const char *format, ...)
{
	const struct fault_kind *kind = fault_kind_find(code);
	if (kind == NULL) {
		fprintf(stderr, "unknown fault code %s\n", code);
		abort();
	}
	/* The arguments may come from the fault that is replaced. */
	struct job_fault made = {.kind = kind};
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(made.message, sizeof(made.message), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(made.message))
		drop_cut_sequence(made.message, sizeof(made.message) - 1);
	*f = made;
	return -EPROTO;
}
