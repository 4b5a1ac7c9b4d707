-- Each request stores another file of 4 KiB, below the path of the URL; then as load.lua.
local here = debug.getinfo(1, "S").source:match("^@(.*)puts.lua$") or "./"
dofile(here .. "load.lua")

local run = string.format("%x", math.floor(os.time() * 1000 + (os.clock() * 1e6) % 1000))
local rest = string.rep("x", 4096 - 32)
local number = 0

request = function()
  number = number + 1
  local mark = string.format("%-32s", run .. "-" .. number)
  return wrk.format("PUT", wrk.path .. run .. "-" .. number, nil, mark .. rest)
end
