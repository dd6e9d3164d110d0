/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/doctor.h"
#include "cmd/dupctl/reply.h"

void check_daemon(struct doctor *doctor)
{
	const char *version = reply_text(doctor->version, "version");
	const char *why = text_bytes(&doctor->failure.text);
	size_t sentence = strcspn(why, "\n");

	if (!doctor->version && doctor->failure.status == STATUS_UNREACHABLE)
		doctor_find(doctor, VERDICT_BAD, NULL,
			    "systemctl start dupgated; journalctl -u dupgated tells why it does not run; or name its address with --url",
			    "the daemon is not reachable: %.*s", (int)sentence, why);
	else if (!doctor->version)
		doctor_find(doctor, VERDICT_BAD, NULL, "check --url, DUPGATE_URL and DUPGATE_TOKEN",
			    "the daemon does not answer as it should: %.*s", (int)sentence, why);
	else if (strcmp(version, DUPGATE_VERSION) != 0)
		doctor_find(doctor, VERDICT_NOTE, NULL, "systemctl restart dupgated, or install dupctl and dupgated of one version",
			    "the daemon is version %s, dupctl is " DUPGATE_VERSION, version);
	else
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "the daemon answers, version %s", version);
}

void check_daemon_ready(struct doctor *doctor)
{
	failure_owned failure = session_failure(doctor->session);
	const char *why;

	if (!doctor->version) {
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, NULL, "not asked: the daemon does not answer");
		return;
	}
	if (session_call(doctor->session, "GET", "/readyz", NULL, NULL, &failure) == STATUS_DONE) {
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "the daemon is ready");
		return;
	}
	why = text_bytes(&failure.text);
	doctor_find(doctor, VERDICT_BAD, NULL, "journalctl -u dupgated tells what it waits for", "the daemon is not ready: %.*s",
		    (int)strcspn(why, "\n"), why);
}

/* States of a device that somebody has to do something about. */
static const struct {
	const char *state, *meaning, *cure; /* cure: for the device's id */
} states[] = {
    {"absent", "its port is not there", "plug the board in, or look for its port further down; dupctl devices %s tells where it was last"},
    {"stranded", "its modem waits in a boot mode that is not its application", "dupctl recover %s"},
    {"quarantined", "taken out of use after repeated failures", "dupctl history %s tells why; then dupctl probe or dupctl recover"},
};

static bool device_state_find(struct doctor *doctor, const json_t *device)
{
	const char *id = reply_text(device, "id"), *state = reply_text(device, "state");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		const char *cure = states[i].cure, *place = strstr(cure, "%s");
		text_owned text = {.utf8 = true};

		if (strcmp(states[i].state, state) != 0)
			continue;
		text_addn(&text, cure, (size_t)(place - cure));
		text_add_clean(&text, id);
		text_add(&text, place + 2);
		doctor_find(doctor, VERDICT_NOTE, id, text.bytes, "%s: %s", state, states[i].meaning);
		return true;
	}
	return false;
}

void check_device_state(struct doctor *doctor)
{
	size_t count = json_array_size(doctor->devices), found = 0;

	if (!doctor->devices) {
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, NULL, "not asked: the daemon does not answer");
		return;
	}
	for (size_t i = 0; i < count; i++)
		found += device_state_find(doctor, json_array_get(doctor->devices, i));
	if (found < count || count == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu %sdevice%s, none of them absent, stranded or quarantined", count - found,
			    found ? "other " : "", plural(count - found));
}

void check_configuration(struct doctor *doctor)
{
	const char *path = doctor->configuration_path;

	if (doctor->configuration_error == 0)
		doctor_find(doctor, VERDICT_GOOD, path, NULL, "was read (dupgated --check-config tells of mistakes in it)");
	else if (doctor->configuration_error == -ENOENT && doctor->configuration_named)
		doctor_find(doctor, VERDICT_BAD, path, "name the file that the daemon reads: systemctl cat dupgated", "is not there");
	else if (doctor->configuration_error == -ENOENT && doctor->version && access(doctor->configuration.state_dir, F_OK) < 0)
		/* By default its database would be there. */
		doctor_find(doctor, VERDICT_UNKNOWN, path, DOCTOR_CURE_OTHER_CONFIGURATION,
			    "is not there: the daemon that answers reads another one");
	else if (doctor->configuration_error == -ENOENT)
		doctor_find(doctor, VERDICT_GOOD, path, NULL, "is not there: the defaults hold");
	else
		doctor_find(doctor, VERDICT_UNKNOWN, path, doctor->root ? NULL : "sudo dupctl doctor",
			    "cannot be read (%s): the defaults are assumed", strerror(-doctor->configuration_error));
}
