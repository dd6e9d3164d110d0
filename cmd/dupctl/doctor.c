/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/dupctl/verb_functions.h"

#define CONFIGURATION "/etc/dupgate/dupgate.conf"

/* The ids are for scripts: they stay. */
static const struct check {
	const char *id;
	void (*run)(struct doctor *doctor);
} checks[] = {
    {"daemon", check_daemon},
    {"daemon-ready", check_daemon_ready},
    {"device-state", check_device_state},
    {"configuration", check_configuration},
    {"ports", check_ports},
    {"offered-adapter", check_offered},
    {"port-holder", check_port_holder},
    {"port-access", check_port_access},
    {"service-group", check_service_group},
    {"caller-access", check_caller_access},
    {"udev", check_udev},
    {"udev-rule", check_udev_rule},
    {"udev-applied", check_udev_applied},
    {"modem-manager", check_modem_manager},
    {"gpsd", check_gpsd},
    {"brltty", check_brltty},
    {"ftdi-latency", check_ftdi_latency},
    {"autosuspend", check_autosuspend},
    {"usb-serials", check_usb_serials},
    {"dfu-mode", check_dfu_mode},
    {"usb-slots", check_usb_slots},
    {"usb-enumeration", check_usb_enumeration},
    {"usb-overcurrent", check_usb_overcurrent},
    {"kernel", check_kernel},
    {"port-power", check_port_power},
    {"state-folder", check_state_folder},
    {"cache-folder", check_cache_folder},
    {"clock", check_clock},
};

const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static char *clean(const char *bytes)
{
	struct text text = {.utf8 = true};

	if (!bytes)
		return NULL;
	text_add_clean(&text, bytes);
	text_add(&text, "");
	return text.bytes;
}

void doctor_find(struct doctor *doctor, enum verdict verdict, const char *subject, const char *cure, const char *format, ...)
{
	struct finding *grown = realloc(doctor->findings, (doctor->finding_count + 1) * sizeof(*grown));
	char message[1024];
	va_list arguments;

	if (!grown) {
		fputs("dupctl: out of memory\n", stderr);
		exit(STATUS_OTHER);
	}
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	doctor->findings = grown;
	grown[doctor->finding_count++] = (struct finding){doctor->check, verdict, clean(subject), clean(message), clean(cure)};
}

static int findings_show(struct doctor *doctor)
{
	struct session *session = doctor->session;
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = NULL;

	if (!session->json) {
		view_findings(&shown, doctor->findings, doctor->finding_count, &session->terminal);
		return session_print(session, &shown);
	}
	document = findings_json(doctor->findings, doctor->finding_count);
	return document ? session_print_json(session, document) : STATUS_OTHER;
}

int verb_doctor(struct session *session, const struct options *options)
{
	struct doctor doctor = {.session = session,
				.configuration_path = options->config ? options->config : CONFIGURATION,
				.root = geteuid() == 0,
				.configuration_named = options->config != NULL};
	int status;

	doctor_look(&doctor);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		doctor.check = checks[i].id;
		checks[i].run(&doctor);
	}
	status = findings_show(&doctor);
	for (size_t i = 0; i < doctor.finding_count; i++) {
		if (doctor.findings[i].verdict == VERDICT_BAD)
			status = STATUS_OTHER;
		free(doctor.findings[i].subject);
		free(doctor.findings[i].message);
		free(doctor.findings[i].cure);
	}
	free(doctor.findings);
	doctor_forget(&doctor);
	return status;
}
