/*
 * Load over WebSocket: so many connections, each with so many calls out at any time, each call with
 * params of its own. Prints what came of it as one line of JSON, latencies in milliseconds.
 *
 * ws-load <port> <path> <connections> <depth> <seconds>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_ID 10000000u
#define MOST_OUT (1u << 16)
#define MOST_MICROSECONDS 2000000u

/* The key of one account in System.Account: prefix, 16 bytes of hash, 32 bytes of account. */
#define CALL                                                                                       \
  "{\"jsonrpc\":\"2.0\",\"id\":%08u,\"method\":\"state_getStorage\",\"params\":[\"0x"              \
  "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"                               \
  "%08xde1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde3%08x\"]}"

typedef struct {
  int fd;
  size_t have;
  unsigned char in[65536];
} Peer;

static uint32_t nextId = FIRST_ID;
static uint64_t sentAt[MOST_OUT];
static uint32_t histogram[MOST_MICROSECONDS];
static uint64_t answers;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void fail(const char *what) {
  fprintf(stderr, "ws-load: %s\n", what);
  exit(1);
}

static void writeAll(int fd, const unsigned char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
    if (sent <= 0) fail("cannot send");
    data += sent;
    length -= (size_t)sent;
  }
}

/* Sends new calls in one write. The mask is zero, which is allowed and leaves the text as it is. */
static void sendCalls(Peer *peer, int count) {
  static unsigned char out[65536];
  size_t length = 0;
  uint64_t atMicroseconds = now();
  for (int i = 0; i < count; i++) {
    uint32_t id = nextId++;
    sentAt[id % MOST_OUT] = atMicroseconds;
    unsigned char *frame = out + length;
    int size = sprintf((char *)frame + 8, CALL, id, id * 2654435761u, id);
    memcpy(frame, "\x81\xfe\0\0\0\0\0\0", 8);
    frame[2] = (unsigned char)(size >> 8);
    frame[3] = (unsigned char)size;
    length += 8 + (size_t)size;
  }
  writeAll(peer->fd, out, length);
}

static void openPeer(Peer *peer, uint16_t port, const char *path) {
  int on = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  peer->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
  char head[512];
  int length = sprintf(head,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       path);
  writeAll(peer->fd, (unsigned char *)head, (size_t)length);
  for (;;) {
    ssize_t got = recv(peer->fd, peer->in + peer->have, 1, 0);
    if (got != 1 || peer->have > 2000) fail("no answer to the upgrade");
    peer->have++;
    if (peer->have >= 4 && memcmp(peer->in + peer->have - 4, "\r\n\r\n", 4) == 0) break;
  }
  if (memcmp(peer->in, "HTTP/1.1 101", 12) != 0) fail("the upgrade was declined");
  peer->have = 0;
}

/* Counts one answer. */
static void take(const unsigned char *text, size_t length) {
  const char *id = memmem(text, length, "\"id\":", 5);
  if (id == NULL || memmem(text, length, "\"result\":\"0x", 12) == NULL) fail("no result");
  uint64_t microseconds = now() - sentAt[strtoul(id + 5, NULL, 10) % MOST_OUT];
  if (microseconds >= MOST_MICROSECONDS) microseconds = MOST_MICROSECONDS - 1;
  histogram[microseconds]++;
  answers++;
}

static void receive(Peer *peer) {
  ssize_t got = recv(peer->fd, peer->in + peer->have, sizeof peer->in - peer->have, 0);
  if (got <= 0) fail("the connection was closed");
  peer->have += (size_t)got;
  size_t at = 0;
  int count = 0;
  while (peer->have - at >= 4) {
    const unsigned char *frame = peer->in + at;
    size_t head = frame[1] == 126 ? 4 : 2;
    size_t length = head == 4 ? (size_t)frame[2] << 8 | frame[3] : frame[1];
    if (peer->have - at < head + length) break;
    if ((frame[0] & 15) == 1) {
      take(frame + head, length);
      count++;
    }
    at += head + length;
  }
  memmove(peer->in, peer->in + at, peer->have - at);
  peer->have -= at;
  if (count > 0) sendCalls(peer, count);
}

static double quantile(double q) {
  uint64_t rank = (uint64_t)(q * (double)answers), seen = 0;
  for (uint32_t i = 0; i < MOST_MICROSECONDS; i++) {
    seen += histogram[i];
    if (seen > rank) return i / 1000.0;
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 6) fail("give port, path, connections, depth, seconds");
  int connections = atoi(arguments[3]), depth = atoi(arguments[4]);
  int epoll = epoll_create1(0);
  Peer *peers = calloc((size_t)connections, sizeof *peers);
  for (int i = 0; i < connections; i++) {
    openPeer(&peers[i], (uint16_t)atoi(arguments[1]), arguments[2]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event);
  }
  uint64_t startedAt = now(), endAt = startedAt + (uint64_t)(atof(arguments[5]) * 1e6);
  for (int i = 0; i < connections; i++) sendCalls(&peers[i], depth);
  while (now() < endAt) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
  }
  double seconds = (double)(now() - startedAt) / 1e6;
  printf("{\"perSecond\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"errors\":0}\n",
         (double)answers / seconds, quantile(0.5), quantile(0.99));
  return 0;
}
