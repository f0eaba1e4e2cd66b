//! Group commit: the few hot writes (mark, result, signal) share transactions.
//!
//! A batch commits whatever has arrived, at once, without lingering: while one transaction is on its way to the disk,
//! the next one fills.

use super::backend::{Store, StoreError, Tx};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Collects the writes of many tasks into common transactions. Cheap to clone; its task ends with the last clone.
pub struct Batch<T, R> {
    sender: mpsc::Sender<Item<T, R>>,
}

type Item<T, R> = (T, oneshot::Sender<Result<R, Arc<StoreError>>>);
type Writing<'a, R> = Pin<Box<dyn Future<Output = Result<Vec<R>, StoreError>> + Send + 'a>>;

impl<T, R> Clone for Batch<T, R> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Batch<T, R> {
    /// Opens a batch of at most `most` items a transaction. `write` gives one answer per item, in order; `committed` is called after
    /// each commit, before its writers are answered.
    pub fn open<F>(store: Store, most: usize, write: F, committed: impl Fn() + Send + 'static) -> Self
    where
        F: for<'a> Fn(&'a mut Tx, &'a [T]) -> Writing<'a, R> + Send + Sync + 'static,
    {
        let (sender, mut receiver) = mpsc::channel::<Item<T, R>>(most * 2);
        tokio::spawn(async move {
            let mut items = Vec::with_capacity(most);
            while receiver.recv_many(&mut items, most).await > 0 {
                let (values, answers): (Vec<T>, Vec<_>) = items.drain(..).unzip();
                match commit(&store, &values, &write).await {
                    Ok(results) => {
                        committed();
                        answers.into_iter().zip(results).for_each(|(answer, result)| drop(answer.send(Ok(result))));
                    }
                    Err(error) => {
                        let error = Arc::new(error);
                        for answer in answers {
                            drop(answer.send(Err(error.clone())));
                        }
                    }
                }
            }
        });
        Self { sender }
    }

    /// Writes one item and waits until it is durable.
    ///
    /// # Errors
    /// The store's, shared by all that were in the same transaction; nothing of it happened.
    pub async fn write(&self, item: T) -> Result<R, Arc<StoreError>> {
        let closed = || Arc::new(StoreError::Engine(sqlx::Error::PoolClosed));
        let (answer, written) = oneshot::channel();
        self.sender.send((item, answer)).await.map_err(|_| closed())?;
        written.await.map_err(|_| closed())?
    }
}

async fn commit<T, R, F>(store: &Store, values: &[T], write: &F) -> Result<Vec<R>, StoreError>
where
    F: for<'a> Fn(&'a mut Tx, &'a [T]) -> Writing<'a, R>,
{
    let mut tx = store.write().await?;
    let results = write(&mut tx, values).await?;
    if results.len() != values.len() {
        return Err(StoreError::Rows { expected: values.len() as u64, found: results.len() as u64 });
    }
    tx.commit().await?;
    Ok(results)
}
