//! Who calls, what the caller may do, and what is the caller's: asked here by every route, and nowhere else.
//!
//! Nobody is authenticated yet. Whoever reaches the HTTP port speaks for the org that the request names, so every caller is
//! [anonymous](Caller::anonymous) and may do everything in that org. What holds already is that a caller reaches nothing of
//! another org, and cannot tell a foreign channel from a missing one.

use std::sync::Arc;

use setpoint::{Directory, Family};

use crate::catalog::{Catalog, Channel, ChannelError, Snapshot};

/// Makes callers of requests.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    catalog: Arc<Catalog>,
}

/// Somebody who calls for one org.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    org_id: Arc<str>,
    catalog: Arc<Catalog>,
}

impl Access {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }

    /// The caller of a request that names this org. It asks for no proof.
    pub(crate) fn caller(&self, org_id: &str) -> Caller {
        Caller::anonymous(org_id, Arc::clone(&self.catalog))
    }
}

impl Caller {
    /// A caller who has proved nothing, and may do everything in the org that it names.
    pub(crate) fn anonymous(org_id: &str, catalog: Arc<Catalog>) -> Self {
        Self { org_id: org_id.into(), catalog }
    }

    /// The org that the caller acts for, whether or not there is such an org.
    pub(crate) fn org_id(&self) -> &Arc<str> {
        &self.org_id
    }

    /// The catalog as it is now.
    pub(crate) fn catalog(&self) -> Arc<Snapshot> {
        self.catalog.snapshot()
    }

    /// The org that the caller acts for.
    ///
    /// # Errors
    /// There is no such org.
    pub(crate) fn existing_org(&self) -> Result<&Arc<str>, ChannelError> {
        if self.catalog().has_org(&self.org_id) {
            Ok(&self.org_id)
        } else {
            Err(ChannelError::UnknownOrg(self.org_id.to_string()))
        }
    }

    /// The org's channel of this family and id.
    ///
    /// # Errors
    /// There is no such org, or it has no such channel.
    pub(crate) fn channel(&self, family: Family, id: &str) -> Result<Channel, ChannelError> {
        let org_id = self.existing_org()?;
        self.catalog().channel(org_id, family, id).cloned().ok_or(ChannelError::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ChannelCommand, Draft};

    #[test]
    fn a_caller_reaches_the_channels_of_its_org_and_no_others() {
        let mut draft = Draft::new(10);
        for org in ["o1", "o2"] {
            draft.add_org(org).unwrap();
        }
        draft.change_channel(&ChannelCommand::create("o1", "DATASVC.SET.x", None).unwrap()).unwrap();
        let access = Access::new(Arc::new(Catalog::new(draft, |_| ())));
        let of = |org: &str| access.caller(org).channel(Family::Write, "DATASVC.SET.x").map(|channel| channel.id);
        assert_eq!(of("o1").as_deref(), Ok("DATASVC.SET.x"));
        assert_eq!(of("o2"), Err(ChannelError::Missing));
        assert_eq!(of("o3"), Err(ChannelError::UnknownOrg("o3".to_owned())));
        assert!(access.caller("o2").existing_org().is_ok());
    }
}
