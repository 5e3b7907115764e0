/*
 * So many WebSocket clients with a subscription to new heads and one to finalized heads each, or, on
 * Ethereum, one to new heads and one to logs. Says
 * "ready" once all of them are made, then notes for so many seconds when each client hears each
 * head, prints that as one line of JSON, and keeps the connections until its input ends.
 *
 * Times are milliseconds of CLOCK_MONOTONIC, which is the clock of Node's process.hrtime() too. A
 * head counts when every client heard it exactly once; `incomplete` are the others between the first
 * and the last that count, and `breaks` the heads that were not the next one of their subscription.
 *
 * ws-heads <port> <path> <clients> <seconds> <polkadot|ethereum>
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

#define KINDS 2
#define MOST_HEADS 8192

/* What a subscription of each kind is made with, what its notifications contain, and what is before the
 * number of their block. */
typedef struct {
  const char *name;
  const char *subscribes[KINDS];
  const char *notifications[KINDS];
  const char *numbers[KINDS];
} Family;

static const Family families[] = {
    {"polkadot",
     {"\"chain_subscribeNewHeads\",\"params\":[]", "\"chain_subscribeFinalizedHeads\",\"params\":[]"},
     {"\"method\":\"chain_newHead\"", "\"method\":\"chain_finalizedHead\""},
     {"\"number\":\"0x", "\"number\":\"0x"}},
    {"ethereum",
     {"\"eth_subscribe\",\"params\":[\"newHeads\"]", "\"eth_subscribe\",\"params\":[\"logs\",{}]"},
     {"\"number\":\"0x", "\"blockNumber\":\"0x"},
     {"\"number\":\"0x", "\"blockNumber\":\"0x"}},
};
static const Family *family;

typedef struct {
  int fd;
  size_t have;
  uint32_t last[KINDS];
  unsigned char in[8192];
} Peer;

static int clients, accepted;
static uint64_t breaks;
/* When each client heard a head, in the order of hearing. */
static double *heard[KINDS][MOST_HEADS];
static int count[KINDS][MOST_HEADS];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void fail(const char *what) {
  fprintf(stderr, "ws-heads: %s\n", what);
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

/* The mask is zero, which is allowed and leaves the text as it is. */
static void sendFrame(int fd, unsigned char opcode, const unsigned char *text, size_t length) {
  unsigned char frame[256] = {0x80 | opcode, 0x80 | (unsigned char)length};
  if (length > 125) fail("a frame too long to send");
  memcpy(frame + 6, text, length);
  writeAll(fd, frame, 6 + length);
}

static void openPeer(Peer *peer, uint16_t port, const char *path) {
  int on = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  peer->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
  char head[512];
  int length = snprintf(head, sizeof head,
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
  for (int kind = 0; kind < KINDS; kind++) {
    char call[125];
    int size = snprintf(call, sizeof call,
                        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":%s}", kind + 1,
                        family->subscribes[kind]);
    sendFrame(peer->fd, 1, (unsigned char *)call, (size_t)size);
  }
}

static void take(Peer *peer, const unsigned char *text, size_t length) {
  double atMs = now();
  for (int kind = 0; kind < KINDS; kind++) {
    const char *sign = family->notifications[kind], *before = family->numbers[kind];
    if (memmem(text, length, sign, strlen(sign)) == NULL) continue;
    const char *at = memmem(text, length, before, strlen(before));
    uint32_t number =
        at == NULL ? MOST_HEADS : (uint32_t)strtoul(at + strlen(before), NULL, 16);
    if (number >= MOST_HEADS) fail("a head without a number that fits");
    if (peer->last[kind] != 0 && number != peer->last[kind] + 1) breaks++;
    peer->last[kind] = number;
    double **times = &heard[kind][number];
    if (*times == NULL) *times = calloc((size_t)clients, sizeof **times);
    if (count[kind][number] < clients) (*times)[count[kind][number]] = atMs;
    count[kind][number]++;
    return;
  }
  if (memmem(text, length, "\"error\":", 8) != NULL) fail("a subscription was declined");
  if (memmem(text, length, "\"id\":", 5) != NULL) accepted++;
}

static void receive(Peer *peer) {
  ssize_t got = recv(peer->fd, peer->in + peer->have, sizeof peer->in - peer->have, 0);
  if (got <= 0) fail("the connection was closed");
  peer->have += (size_t)got;
  size_t at = 0;
  while (peer->have - at >= 4) {
    const unsigned char *frame = peer->in + at;
    size_t head = frame[1] == 126 ? 4 : 2;
    size_t length = head == 4 ? (size_t)frame[2] << 8 | frame[3] : frame[1];
    if (peer->have - at < head + length) break;
    if ((frame[0] & 15) == 1) take(peer, frame + head, length);
    if ((frame[0] & 15) == 9) sendFrame(peer->fd, 10, frame + head, length);
    at += head + length;
  }
  /* A ping without a payload is shorter than the smallest text. */
  if (peer->have - at == 2 && peer->in[at] == 0x89 && peer->in[at + 1] == 0) {
    sendFrame(peer->fd, 10, NULL, 0);
    at += 2;
  }
  memmove(peer->in, peer->in + at, peer->have - at);
  peer->have -= at;
}

static void receiveFor(int epoll, double waitMs) {
  struct epoll_event events[256];
  int ready = epoll_wait(epoll, events, 256, (int)waitMs);
  for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
}

/* The heads that all clients heard, and how many between them did not reach all. */
static void print(void) {
  int incomplete = 0, isFirst = 1;
  printf("{\"heads\":[");
  for (int kind = 0; kind < KINDS; kind++) {
    int first = -1, last = -1;
    for (int number = 0; number < MOST_HEADS; number++) {
      if (count[kind][number] != clients) continue;
      if (first < 0) first = number;
      last = number;
    }
    for (int number = first; first >= 0 && number <= last; number++) {
      const double *times = heard[kind][number];
      if (count[kind][number] != clients) {
        incomplete++;
        continue;
      }
      printf("%s{\"kind\":%d,\"number\":%d,\"firstMs\":%.3f,\"medianMs\":%.3f,\"lastMs\":%.3f}",
             isFirst ? "" : ",", kind, number, times[0], times[clients / 2], times[clients - 1]);
      isFirst = 0;
    }
  }
  printf("],\"incomplete\":%d,\"breaks\":%llu}\n", incomplete, (unsigned long long)breaks);
  fflush(stdout);
}

int main(int argumentCount, char **arguments) {
  if (argumentCount != 6) fail("give port, path, clients, seconds, family");
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    if (strcmp(families[i].name, arguments[5]) == 0) family = &families[i];
  }
  if (family == NULL) fail("the family is polkadot or ethereum");
  clients = atoi(arguments[3]);
  int epoll = epoll_create1(0);
  Peer *peers = calloc((size_t)clients, sizeof *peers);
  for (int i = 0; i < clients; i++) {
    openPeer(&peers[i], (uint16_t)atoi(arguments[1]), arguments[2]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event);
  }
  double lateMs = now() + 20000;
  while (accepted < KINDS * clients) {
    if (now() > lateMs) fail("not all subscriptions were accepted");
    receiveFor(epoll, 100);
  }
  printf("ready\n");
  fflush(stdout);
  double endMs = now() + 1e3 * atof(arguments[4]);
  while (now() < endMs) receiveFor(epoll, 20);
  print();
  char byte;
  while (read(0, &byte, 1) > 0) {}
  return 0;
}
