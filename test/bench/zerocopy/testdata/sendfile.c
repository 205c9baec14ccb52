/* A bare loop of sendfile(2): the least that sending a file can cost from user space.
 *
 *     sendfile HOST PORT BYTES CHUNK DIRECTORY
 *
 * It makes a file of the pattern that the sink of `relay bench` checks, sends it twice
 * (a little to warm up, then all) and prints wall and CPU nanoseconds of the second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t word(uint64_t i)
{
	i += 0x9e3779b97f4a7c15u;
	i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
	i = (i ^ i >> 27) * 0x94d049bb133111ebu;
	return i ^ i >> 31;
}

static int make_file(const char *directory, int64_t bytes)
{
	static uint64_t block[1 << 17];
	int fd = open(directory, O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		die(directory);
	for (int64_t at = 0; at < bytes; at += sizeof block) {
		size_t n = bytes - at < (int64_t)sizeof block ? (size_t)(bytes - at) : sizeof block;
		for (size_t i = 0; i < (n + 7) / 8; i++)
			block[i] = htole64(word((uint64_t)at / 8 + i));
		if (write(fd, block, n) != (ssize_t)n)
			die("write the file");
	}
	if (fdatasync(fd))
		die("fdatasync");
	return fd;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int greet(const struct sockaddr_in *to, int64_t bytes)
{
	uint64_t hello[4] = {0, 0, 0, htobe64((uint64_t)bytes)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	memcpy(hello, "relaybn1", 8);
	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (write(fd, hello, sizeof hello) != sizeof hello)
		die("hello");
	return fd;
}

static void send_all(int fd, int file, int64_t bytes, size_t chunk)
{
	off_t at = 0;
	while (at < bytes) {
		size_t n = bytes - at < (int64_t)chunk ? (size_t)(bytes - at) : chunk;
		if (sendfile(fd, file, &at, n) <= 0)
			die("sendfile");
	}
	if (shutdown(fd, SHUT_WR))
		die("shutdown");
}

static void hear(int fd, int64_t bytes)
{
	uint64_t verdict[3];
	size_t got = 0;
	while (got < sizeof verdict) {
		ssize_t n = read(fd, (char *)verdict + got, sizeof verdict - got);
		if (n <= 0)
			die("the sink's verdict");
		got += (size_t)n;
	}
	if (be64toh(verdict[1]) != (uint64_t)bytes || be64toh(verdict[2]) != UINT64_MAX) {
		fprintf(stderr, "the sink got %llu bytes of %lld, or wrong ones\n",
			(unsigned long long)be64toh(verdict[1]), (long long)bytes);
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: sendfile HOST PORT BYTES CHUNK DIRECTORY\n");
		return 2;
	}
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		die(argv[1]);
	int64_t bytes = atoll(argv[3]), warm = bytes < 1 << 20 ? bytes : 1 << 20;
	size_t chunk = (size_t)atoll(argv[4]);
	int file = make_file(argv[5], bytes);

	int fd = greet(&to, warm);
	send_all(fd, file, warm, chunk);
	hear(fd, warm);

	fd = greet(&to, bytes);
	int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
	send_all(fd, file, bytes, chunk);
	hear(fd, bytes);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now(CLOCK_MONOTONIC) - wall;
	printf("%lld %lld\n", (long long)wall, (long long)cpu);
	return 0;
}
