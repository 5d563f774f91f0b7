// Runs a Node handler behind the Lambda Runtime API, with Node alone.
//
// It behaves as AWS's own runtime does: async handlers, callbacks, CommonJS and ES modules, the same errors.
(() => {
  "use strict";
  const fs = require("fs");
  const http = require("http");
  const path = require("path");
  const util = require("util");
  const { createRequire } = require("module");
  const { pathToFileURL } = require("url");

  const env = process.env;
  delete env.TRACKWAY_BOOTSTRAP;
  const root = env.LAMBDA_TASK_ROOT;
  const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  // The pipe at standard input closes when the server has gone: then this process and what it started end.
  function endWithTheServer() {
    try {
      process.kill(-process.pid, "SIGKILL");
    } catch {
      process.exit(1);
    }
  }
  process.stdin.on("end", endWithTheServer).on("error", endWithTheServer).resume();
  process.stdin.unref();

  function call(method, operation, body, headers) {
    return new Promise((resolve, reject) => {
      const options = { agent, host, port, method, path: `/2018-06-01/runtime/${operation}`, headers: headers || {} };
      if (body !== undefined) options.headers["Content-Length"] = Buffer.byteLength(body);
      const request = http.request(options, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  // The console writes as AWS's runtime does: time, request, level, message.
  let requestId = "";
  const levels = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" };
  for (const [method, level] of Object.entries(levels)) {
    const stream = method === "warn" || method === "error" || method === "trace" ? process.stderr : process.stdout;
    console[method] = (...parts) => {
      const line = util.format(...parts).replace(/\n/g, "\r");
      stream.write(`${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${line}\n`);
    };
  }

  class RuntimeError extends Error {
    constructor(kind, message) {
      super(message);
      this.name = `Runtime.${kind}`;
    }
  }

  // The error as AWS's runtime reports it.
  function report(error) {
    try {
      const looksLikeError = error && ["name", "message", "stack"].every((key) => typeof error[key] === "string");
      if (util.types.isNativeError(error) || looksLikeError) {
        return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split("\n") };
      }
      return { errorType: typeof error, errorMessage: String(error), trace: [] };
    } catch {
      const message =
        "callback called with Error argument, but there was a problem while retrieving one or more of its " +
        "message, name, and stack";
      return { errorType: "handled", errorMessage: message };
    }
  }

  function postError(operation, error, label) {
    const facts = report(error);
    console.error(`${label}\t${JSON.stringify({ ...facts, stack: facts.trace, trace: undefined })}`);
    const kind = String(facts.errorType).replace(/[^\x20-\x7e]/g, "?");
    const headers = { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": kind };
    return call("POST", operation, JSON.stringify(facts), headers);
  }

  // Without the server there is nothing to do.
  const gone = () => process.exit(1);

  const isFile = (file) => fs.existsSync(file) && fs.statSync(file).isFile();

  function inModulePackage(folder) {
    if (path.basename(folder) === "node_modules") return false;
    const file = path.join(folder, "package.json");
    if (isFile(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, "utf8")).type === "module";
      } catch {
        return false;
      }
    }
    const parent = path.dirname(folder);
    return parent === folder ? false : inModulePackage(parent);
  }

  async function loadModule(file, name) {
    const require = createRequire(path.join(root, "index.js"));
    const load = (full) => import(pathToFileURL(full).href);
    if (isFile(file)) return require(file);
    if (isFile(`${file}.js`)) {
      return inModulePackage(path.dirname(file)) ? load(`${file}.js`) : require(`${file}.js`);
    }
    if (isFile(`${file}.mjs`)) return load(`${file}.mjs`);
    if (isFile(`${file}.cjs`)) return require(`${file}.cjs`);
    return require(require.resolve(name, { paths: [root, path.dirname(file)] }));
  }

  async function loadHandler(text) {
    if (text.includes("..")) {
      const advice = "Use absolute paths when specifying root directories in handler names.";
      throw new RuntimeError("MalformedHandlerName", `'${text}' is not a valid handler name. ${advice}`);
    }
    const base = path.basename(text);
    const match = base.match(/^([^.]*)\.(.*)$/);
    if (!match) throw new RuntimeError("MalformedHandlerName", "Bad handler");
    const file = path.resolve(root, text.slice(0, text.length - base.length), match[1]);
    let loaded;
    try {
      loaded = await loadModule(file, match[1]);
    } catch (error) {
      if (error instanceof SyntaxError) throw new RuntimeError("UserCodeSyntaxError", String(error));
      if (error && error.code === "MODULE_NOT_FOUND") throw new RuntimeError("ImportModuleError", String(error));
      throw error;
    }
    const handler = match[2].split(".").reduce((value, key) => value && value[key], loaded);
    if (!handler) throw new RuntimeError("HandlerNotFound", `${text} is undefined or not exported`);
    if (typeof handler !== "function") throw new RuntimeError("HandlerNotFound", `${text} is not a function`);
    return handler;
  }

  // What waits until the handler has left nothing to do; one thing at a time.
  let whenIdle = null;
  process.on("beforeExit", () => {
    const then = whenIdle;
    whenIdle = null;
    if (then) setImmediate(then);
  });

  function contextOf(headers) {
    const deadline = Number(headers["lambda-runtime-deadline-ms"]);
    const clientContext = headers["lambda-runtime-client-context"];
    return {
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      awsRequestId: headers["lambda-runtime-aws-request-id"],
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: clientContext ? JSON.parse(clientContext) : undefined,
      identity: undefined,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    };
  }

  function serialize(value) {
    try {
      return JSON.stringify(value === undefined ? null : value) ?? "null";
    } catch {
      throw new Error("Unable to stringify response body");
    }
  }

  // Ends the current invocation once; the next one is asked for when the answer has been taken.
  function endingOf(id, next) {
    let ended = false;
    const once = (action) => {
      if (ended) return;
      ended = true;
      whenIdle = null;
      action().then(next, gone);
    };
    const fail = (error) => once(() => postError(`invocation/${id}/error`, error ?? "handled", "Invoke Error"));
    const succeed = (value) => {
      let text;
      try {
        text = serialize(value);
      } catch (error) {
        return fail(error);
      }
      const headers = { "Content-Type": "application/json" };
      return once(() => call("POST", `invocation/${id}/response`, text, headers));
    };
    return { succeed, fail };
  }

  let dying = null;
  function die(error, label, code) {
    const where = requestId ? `invocation/${requestId}/error` : "init/error";
    dying ||= postError(where, error, label).then(() => process.exit(code), gone);
  }
  process.on("uncaughtException", (error) => die(error, "Uncaught Exception", 129));
  process.on("unhandledRejection", (reason) =>
    die(new RuntimeError("UnhandledPromiseRejection", String(reason)), "Unhandled Promise Rejection", 128),
  );

  function serve(handler, { headers, body }, next) {
    requestId = headers["lambda-runtime-aws-request-id"];
    env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
    const { succeed, fail } = endingOf(requestId, next);
    let waits = true;
    let called = false;
    const done = (error, value) => (error === undefined || error === null ? succeed(value) : fail(error));
    const callback = (error, value) => {
      if (called) return;
      called = true;
      if (error !== undefined && error !== null) fail(error);
      else if (waits) whenIdle = () => succeed(value);
      else succeed(value);
    };
    try {
      const context = contextOf(headers);
      Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
        enumerable: true,
        get: () => waits,
        set: (value) => (waits = value),
      });
      Object.assign(context, { done, succeed, fail });
      // A handler that neither answers nor has anything left to do has answered null.
      whenIdle = () => succeed(null);
      const result = handler(JSON.parse(body), context, callback);
      if (result && typeof result.then === "function") result.then(succeed, fail);
    } catch (error) {
      fail(error);
    }
  }

  async function main() {
    let handler;
    try {
      handler = await loadHandler(env._HANDLER);
    } catch (error) {
      await postError("init/error", error, "Uncaught Exception").catch(gone);
      process.exit(1);
    }
    const next = () => {
      requestId = "";
      call("GET", "invocation/next").then((work) => serve(handler, work, next), gone);
    };
    next();
  }

  main();
})();
