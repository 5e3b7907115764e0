/** Ports of the loopback, below the range from which the system gives out its own. */
export const ports = {
  node: 21_944,
  nginx: 21_945,
  plain: 21_946,
  overWebSocket: 21_947,
  overHttp: 21_948,
  plainOverWebSocket: 21_949,
  plainOverHttp: 21_950,
  /** A node on the measured core, and two beside the load generator. */
  movingAlone: 21_951,
  movingBehindNginx: 21_952,
  movingBehindPool: 21_959,
  nginxBeforeMoving: 21_953,
  pool: 21_954,
  failing: [21_955, 21_956, 21_957],
  failover: 21_958,
  eth: [21_960, 21_961, 21_962],
  /** Nothing listens there. */
  ethDead: 21_963,
  ethSlow: 21_964,
  ethOverWebSocket: 21_965,
  ethOverHttp: 21_966,
};
