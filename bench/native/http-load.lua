-- Load over HTTP for wrk: each call with params of its own, written before the clock starts.
-- The method is the script's argument. Prints what came of it as one line of JSON.

local prefix = "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
local account = "de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde3"
local calls = 8192

local bodies = {}
local at = 0

local paramsOf = {
  state_getStorage = function(i)
    return string.format('["0x%s%08x%s%08x"]', prefix, i * 7919, account, i)
  end,
  -- The pool's own head answers it.
  chain_getBlockHash = function() return "[]" end,
}

function init(args)
  local method = args[1]
  for i = 1, calls do
    bodies[i] = wrk.format(
      "POST", nil, { ["Content-Type"] = "application/json", ["Host"] = "127.0.0.1" },
      string.format('{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}', i, method, paramsOf[method](i))
    )
  end
end

function request()
  at = at % calls + 1
  return bodies[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"perSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f,"errors":%d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
