// One handler that does what its event says.
class OutOfStock extends Error {
  constructor(message) {
    super(message);
    this.name = "OutOfStock";
  }
}

exports.main = async (event, context) => {
  switch (event.do) {
    case "echo":
      return event;
    case "describe":
      return {
        greeting: process.env.GREETING,
        requestId: context.awsRequestId,
        functionName: context.functionName,
        remaining: context.getRemainingTimeInMillis() > 0,
        arn: context.invokedFunctionArn,
        pid: process.pid,
      };
    case "raise":
      throw new OutOfStock("no anvils left");
    case "die":
      process.exit(3);
    case "sleep":
      await new Promise((resolve) => setTimeout(resolve, event.seconds * 1000));
      return "slept";
    default:
      throw new Error(`what is ${event.do}?`);
  }
};
