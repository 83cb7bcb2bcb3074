/* SPDX-License-Identifier: BSD-2-Clause
 *
 * peerdistfs: reads the command line, mounts, serves until unmounted.
 *
 * In the background the command returns when the mount answers, which the parent, who is always let
 * in, asks it: the child says that it is mounted, the parent that it has been answered, and then
 * the child lets go of stderr. If the child ends before, it has written there what went wrong, and
 * the parent ends with status 1.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/config.h"
#include "fs/mount.h"
#include "fs/quiet_mount.h"
#include "fs/run_as.h"
#include "fs/unmounter.h"

/* FUSE threads beyond the first few only wait for the same locks. Our choice. */
#define IDLE_THREADS_MAX 4
/* What the kernel may ask for ahead of a sequential reader, in KiB: requests as large as FUSE
 * allows, which halves the cost of a read. Our choice. */
#define KERNEL_READAHEAD_KIB "1024"

/* Times 20 ms: so long programs have to take what the API tells them at the end. Our choice. */
#define LAST_WORDS 10u
/* Within the process: the session is to end, or its loop has. */
#define SIGNAL_END SIGUSR1

static bool tell(int socket)
{
	return send(socket, "", 1, MSG_NOSIGNAL) == 1;
}

static bool told(int socket)
{
	char octet;

	return recv(socket, &octet, 1, 0) == 1;
}

/* In the parent. BEFORE: what the mount will hide, which a mount that has failed shows again. */
static bool mount_answers(int child, const char *mountpoint, const struct stat *before)
{
	struct stat status;

	if (told(child) && stat(mountpoint, &status) == 0 && status.st_dev != before->st_dev)
		return tell(child);
	shutdown(child, SHUT_WR);
	told(child); /* has ended: its words come before our end */
	return false;
}

/* In the parent: waits, and exits. In the child: returns its end of a socket, or -errno. */
static int go_to_background(const char *mountpoint)
{
	struct stat before;
	int ends[2];

	if (stat(mountpoint, &before) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child > 0) {
		close(ends[1]);
		_exit(mount_answers(ends[0], mountpoint, &before) ? 0 : 1);
	}
	close(ends[0]);
	setsid();
	return chdir("/") == 0 ? ends[1] : -errno;
}

/* With the session mounted, and others answering. COMMAND: to whom started us; -1: nobody waits. */
static void become_ready(int command)
{
	if (command < 0 || !tell(command) || !told(command))
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
	close(command);
}

/* As root only, and where /sys lets us: no harm if not. */
static void set_kernel_readahead(const char *mountpoint)
{
	char path[128];
	struct stat status;

	if (stat(mountpoint, &status) != 0)
		return;
	snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(status.st_dev),
		 minor(status.st_dev));
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return;
	if (write(file, KERNEL_READAHEAD_KIB, strlen(KERNEL_READAHEAD_KIB)) < 0)
		log_debug("cannot set %s: %s", path, strerror(errno));
	close(file);
}

struct first_look {
	const char *mountpoint;
	int command; /* see become_ready() */
};

static void *look(void *argument)
{
	const struct first_look *first_look = argument;

	set_kernel_readahead(first_look->mountpoint);
	become_ready(first_look->command);
	return NULL;
}

/* Everything is bound, mounted and read: from here on as the unprivileged user, if there is one. */
static int drop_privileges(const struct mount *mount, int *unmounter_out)
{
	const struct config *config = mount->config;
	struct run_as user;
	int error = run_as_find(config->run_as, &user);

	if (error != 0 || !user.needed)
		return error;
	error = store_give(mount->store, user.uid, user.gid);
	if (error != 0)
		return error;
	int unmounter = unmounter_start(config->mountpoint);
	if (unmounter < 0)
		return unmounter;
	*unmounter_out = unmounter;
	return run_as_become(&user);
}

/* What the thread that waits for signals needs. */
struct watch {
	struct mount *mount;
	const sigset_t *signals;
	pthread_t server;  /* in the session's loop */
	atomic_bool ended; /* it is not any more */
};

static void reload(struct mount *mount)
{
	char message[1024];

	log_reopen();
	int error = mount_reload(mount, message, sizeof message);
	if (*message != '\0')
		log_write(error != 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "reload: %s", message);
}

static void ask_to_end(int number)
{
	(void)number;
	kill(getpid(), SIGNAL_END);
}

static void end_loop(struct watch *watch)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	mount_stop(watch->mount);
	/* Programs are to hear that it ends. */
	for (unsigned i = 0; i < LAST_WORDS && !mount_service_heard(watch->mount); i++)
		nanosleep(&pause, NULL);
	fuse_session_exit(watch->mount->session);
	/* The loop looks and then sleeps; who wakes it in between must come again. */
	while (!atomic_load(&watch->ended)) {
		pthread_kill(watch->server, SIGTERM);
		nanosleep(&pause, NULL);
	}
}

static void *wait_for_signals(void *argument)
{
	struct watch *watch = argument;
	int number;

	while (sigwait(watch->signals, &number) == 0 && !atomic_load(&watch->ended)) {
		if (number == SIGNAL_END)
			end_loop(watch);
		else
			reload(watch->mount);
	}
	return NULL;
}

/* The loop must be interrupted by them, so that it sees that it is to end: no SA_RESTART. */
static void handle_signals(void)
{
	const struct sigaction action = {.sa_handler = ask_to_end};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* With the session mounted: serves it to its end. */
static int serve(struct mount *mount, sigset_t *signals)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	struct watch watch = {.mount = mount, .signals = signals, .server = pthread_self()};
	pthread_t watcher;

	if (loop == NULL)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(loop, 0);
	fuse_loop_cfg_set_idle_threads(loop, IDLE_THREADS_MAX);
	int error = -pthread_create(&watcher, NULL, wait_for_signals, &watch);
	if (error == 0) {
		error = fuse_session_loop_mt(mount->session, loop);
		/* A signal that ended the loop is no failure. */
		error = error < 0 ? error : 0;
		atomic_store(&watch.ended, true);
		pthread_kill(watcher, SIGNAL_END);
		pthread_join(watcher, NULL);
	}
	fuse_loop_cfg_destroy(loop);
	return error;
}

static int serve_and_unmount(struct mount *mount, sigset_t *signals, int unmounter, int command)
{
	struct first_look first_look = {mount->config->mountpoint, command};
	pthread_t looker;

	/* It asks the mount, so it must not be a thread that answers. */
	int error = -pthread_create(&looker, NULL, look, &first_look);
	bool looking = error == 0;
	if (error == 0)
		error = serve(mount, signals);
	if (error != 0)
		fprintf(stderr, "peerdistfs: %s cannot be served: %s\n", mount->config->mountpoint,
			strerror(-error));
	mount_finish(mount);
	unmounter_end(unmounter, fuse_session_fd(mount->session));
	fuse_session_unmount(mount->session);
	/* If nobody has answered it, the unmounting did. */
	if (looking)
		pthread_join(looker, NULL);
	return error;
}

static int run_session(struct mount *mount, sigset_t *signals, int command)
{
	const struct config *config = mount->config;
	char *arguments[] = {"peerdistfs", "-o", config->fuse_options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
	char reason[QUIET_MOUNT_REASON];

	mount->session = fuse_session_new(&args, &mount_operations, sizeof mount_operations, mount);
	fuse_opt_free_args(&args);
	if (mount->session == NULL)
		return -EINVAL;
	int unmounter = -1;
	handle_signals();
	if (quiet_mount(mount->session, config->mountpoint, reason) != 0) {
		fprintf(stderr, "peerdistfs: cannot mount on %s: %s; see peerdist doctor\n",
			config->mountpoint, *reason != '\0' ? reason : "libfuse does not say why");
		return -EIO;
	}
	int error = drop_privileges(mount, &unmounter);
	if (error == 0)
		return serve_and_unmount(mount, signals, unmounter, command);
	fprintf(stderr, "peerdistfs: cannot become user %s: %s\n", config->run_as,
		strerror(-error));
	unmounter_end(unmounter, fuse_session_fd(mount->session));
	fuse_session_unmount(mount->session);
	return error;
}

/* Every thread leaves these to the one that waits for them. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGNAL_END);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A write beyond RLIMIT_FSIZE is a full disk, not our end. */
	signal(SIGXFSZ, SIG_IGN);
}

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_DUMPABLE, 0); /* no credentials in core files */
}

static int run(struct config *config, int command)
{
	char message[1024] = "";
	struct mount *mount;
	sigset_t signals;

	block_signals(&signals);
	raise_limits();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	xmlInitParser();
	int error = mount_create(config, &mount, message, sizeof message);
	if (error != 0) {
		fprintf(stderr, "peerdistfs: %s\n", *message != '\0' ? message : strerror(-error));
		return 1;
	}
	error = log_open(config->log_target, config->log_level);
	if (error != 0) {
		fprintf(stderr, "peerdistfs: cannot log to %s: %s\n", config->log_target,
			strerror(-error));
	} else {
		error = run_session(mount, &signals, command);
	}
	struct fuse_session *session = mount->session;
	mount_destroy(mount);
	if (session != NULL)
		fuse_session_destroy(session);
	xmlCleanupParser();
	curl_global_cleanup();
	return error != 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct config *config;
	int command = -1;
	int status;

	if (!config_parse(argc, argv, &config, &status))
		return status;
	if (!config->foreground) {
		command = go_to_background(config->mountpoint);
		if (command < 0) {
			fprintf(stderr, "peerdistfs: cannot go to the background: %s\n",
				strerror(-command));
			config_free(config);
			return 1;
		}
	}
	status = run(config, command);
	config_free(config);
	return status;
}
