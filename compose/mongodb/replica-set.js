// The health check of the database. It makes the replica set where there is none, changes nothing where there is one,
// and succeeds once this member is its primary, which is when it can be written to.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") {
    throw error;
  }
  rs.initiate({ _id: "ordergen", members: [{ _id: 0, host: "mongodb:27017" }] });
}
quit(db.hello().isWritablePrimary ? 0 : 1);
