-- wrk sends exactly as many requests as are asked for, then prints seconds and replies, and ends.
-- Environment: LOAD_BODIES (a file, one body a line), LOAD_COUNT. Bodies are sent in order, from the top again at the end.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } bench_time; int clock_gettime(int clock, bench_time *now);")

local function now()
  local time = ffi.new("bench_time")
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local requests, count, sent, answered, failed = {}, tonumber(os.getenv("LOAD_COUNT")), 0, 0, 0
local tried, began = false, nil

function init()
  for body in io.lines(os.getenv("LOAD_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
end

function delay()
  -- Connections that have nothing left to send wait until the last reply of the others is there.
  return sent < count and 0 or 600000
end

function request()
  if not tried then -- wrk asks for one request that it does not send, to see how many are sent at once
    tried = true
    return requests[1]
  end
  began = began or now()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status)
  answered = answered + 1
  if status ~= 200 then failed = failed + 1 end
  if answered == count then
    print(string.format("LOAD %.6f %d %d", now() - began, answered, failed))
    io.stdout:flush()
    os.exit(0)
  end
end
